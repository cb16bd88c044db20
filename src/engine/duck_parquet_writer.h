// Writes Parquet files with DuckDB: sorted ones of rows (lake::ParquetWriter), and copies of files
// without some of their rows.
//
// Layout:   ZSTD; row groups of about spec.row_group_bytes of uncompressed rows; dictionaries as
//           large as needed when the table has bloom columns, because DuckDB writes bloom filters
//           from them. jsonb and uuid are strings, as Delta has them.
// Threads:  safe; each Write has its own connection.
#pragma once

#include <functional>

#include "engine/batch_source.h"
#include "engine/database.h"
#include "engine/kept_rows.h"
#include "lake/parquet_writer.h"

namespace varve::engine {

// A file to be copied.
struct FileCopy {
  std::shared_ptr<KeptFile> file;
  uint64_t row_bytes = 0;  // of a row in memory, about
  // Told the connection that works on the copy, for whoever wants to interrupt it, and nullptr when
  // it is done.
  std::function<void(duckdb::Connection*)> running;
};

class DuckParquetWriter : public lake::ParquetWriter {
 public:
  DuckParquetWriter(Database& database, BatchSources& sources, KeptRows& kept)
      : database_(database), sources_(sources), kept_(kept) {}

  Result<lake::ParquetResult> Write(const lake::ParquetSpec& spec,
                                    const std::vector<lake::BatchSlice>& slices,
                                    const std::string& path) override;
  // Writes the rows of copy.file that are not left out, in their order; copy.file describes them
  // then. `spec.columns` are those of copy.file.
  Result<lake::ParquetResult> Copy(const lake::ParquetSpec& spec, const FileCopy& copy,
                                   const std::string& path);

 private:
  Result<lake::ParquetResult> Run(duckdb::Connection& connection, const GenerationRef& generation,
                                  const std::string& sql, const std::string& path);

  Database& database_;
  BatchSources& sources_;
  KeptRows& kept_;
};

}  // namespace varve::engine
