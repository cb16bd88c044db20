// Turns Delta checkpoints into JSON lines and back with DuckDB: implements lake::CheckpointCodec.
//
// Layout:   the classic checkpoint schema of the Delta protocol: one column for each kind of action
//           (txn, add, remove, metaData, protocol, domainMetadata), of which each row fills one.
// Errors:   DataLoss for a file that is no checkpoint.
// Threads:  safe; each call has its own connection.
#pragma once

#include "engine/batch_source.h"
#include "engine/database.h"
#include "lake/parquet_writer.h"

namespace varve::engine {

class DuckCheckpointCodec : public lake::CheckpointCodec {
 public:
  DuckCheckpointCodec(Database& database, BatchSources& sources)
      : database_(database), sources_(sources) {}

  Status WriteCheckpoint(const std::string& actions_ndjson,
                         const std::string& parquet_path) override;
  Result<std::string> ReadCheckpoint(const std::string& parquet_path) override;

 private:
  Database& database_;
  BatchSources& sources_;
};

}  // namespace varve::engine
