// Completes a batch of new rows: derives `date` from the time column and checks NOT NULL.
//
// Role:     ingest decoders, engine's insert operator -> [CompleteBatch] -> TableWriter. Both ways
//           into a table end here, so that both give the same rows and the same errors.
// Errors:   23502 a NULL in a NOT NULL column, 22023 a date that is not the time column's (UTC),
//           22008 a time or a partition date outside the dates that a folder can name. The batch
//           is unspecified after an error. Not done here: types and defaults.
// Threads:  no shared state.
#pragma once

#include "base/status.h"
#include "model/batch.h"

namespace varve {

// A NULL or absent derived date is filled in; columns in which every row is NULL are taken out,
// because an absent column costs nothing. `batch.ids` must ascend and belong to `table`.
Status CompleteBatch(const TableDef& table, Batch& batch);

// The day (since 1970-01-01, UTC) of a time in microseconds: what CompleteBatch fills in.
int32_t DayOf(int64_t micros);

}  // namespace varve
