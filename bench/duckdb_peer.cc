#include "duckdb_peer.h"

#include <duckdb.h>
#include <fmt/format.h>

#include <stdexcept>

namespace varve::bench {

struct DuckDbPeer::Handles {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
};

DuckDbPeer::DuckDbPeer(const std::string& name, const std::vector<std::string>& files, int threads)
    : handles_(std::make_unique<Handles>()) {
  if (duckdb_open(nullptr, &handles_->database) != DuckDBSuccess ||
      duckdb_connect(handles_->database, &handles_->connection) != DuckDBSuccess) {
    throw std::runtime_error("cannot open DuckDB");
  }
  CountRows(fmt::format("SET threads = {}", threads));
  CountRows("SET TimeZone = 'UTC'");
  CountRows(
      fmt::format("CREATE VIEW {} AS SELECT * FROM read_parquet(['{}'], hive_partitioning = true, "
                  "hive_types = {{'project_id': VARCHAR, 'date': DATE}})",
                  name, fmt::join(files, "', '")));
}

DuckDbPeer::~DuckDbPeer() {
  duckdb_disconnect(&handles_->connection);
  duckdb_close(&handles_->database);
}

int64_t DuckDbPeer::CountRows(const std::string& sql) {
  duckdb_result result;
  const duckdb_state state = duckdb_query(handles_->connection, sql.c_str(), &result);
  const std::string error = state == DuckDBSuccess ? "" : duckdb_result_error(&result);
  int64_t rows = 0;
  while (state == DuckDBSuccess) {
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk == nullptr) break;
    rows += static_cast<int64_t>(duckdb_data_chunk_get_size(chunk));
    duckdb_destroy_data_chunk(&chunk);
  }
  duckdb_destroy_result(&result);
  if (!error.empty()) throw std::runtime_error("DuckDB: " + error);
  return rows;
}

}  // namespace varve::bench
