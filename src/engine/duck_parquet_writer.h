// Writes sorted Parquet files with DuckDB: implements lake::ParquetWriter.
//
// Layout:   ZSTD; row groups of about spec.row_group_bytes of uncompressed rows; dictionaries as
//           large as needed when the table has bloom columns, because DuckDB writes bloom filters
//           from them. jsonb and uuid are strings, as Delta has them.
// Threads:  safe; each Write has its own connection.
#pragma once

#include "engine/batch_source.h"
#include "engine/database.h"
#include "lake/parquet_writer.h"

namespace varve::engine {

class DuckParquetWriter : public lake::ParquetWriter {
 public:
  DuckParquetWriter(Database& database, BatchSources& sources)
      : database_(database), sources_(sources) {}

  Result<lake::ParquetResult> Write(const lake::ParquetSpec& spec,
                                    const std::vector<lake::BatchSlice>& slices,
                                    const std::string& path) override;

 private:
  Database& database_;
  BatchSources& sources_;
};

}  // namespace varve::engine
