// Turns the rows of one table into log records and back.
//
// Role:     Committer -> [AppendRowRecords] -> log; log -> [ReadRowRecord] -> Replayer.
// Errors:   54000 a row that no record can hold; DataLoss for records that do not fit their table.
// Threads:  pure functions.
#pragma once

#include <vector>

#include "log/log.h"
#include "model/batch.h"

namespace varve::ingest {

// Appends the batch as one record, or as several when it encodes to more than `payload_bytes_max`.
Status AppendRowRecords(const TableRows& rows, size_t payload_bytes_max,
                        std::vector<log::RecordInput>& records);

// The record's rows as the table has them now: columns that were dropped since are left out.
// DataLoss when the payload is damaged, a column has another type, or the time column is missing.
Result<BatchRef> ReadRowRecord(const TableDef& table, const log::Record& record);

}  // namespace varve::ingest
