// Owns the DuckDB instance on meta.duckdb and replaces it when an internal error has spoilt it.
//
// Role:     Session, MetaStore, ParquetWriter -> [Database] -> duckdb::DuckDB. A *generation* is
//           one instance: an internal error inside DuckDB makes it refuse all further work, so that
//           it is logged with its statement and a new instance takes over. Buffer, log and rings
//           live outside and notice nothing; temporary tables and open transactions of sessions are
//           lost.
// Limits:   memory and threads as given; files only below the allowed directories.
// Threads:  safe. Renew opens files while it holds the lock: no session can work meanwhile anyway.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace varve::engine {

struct Generation {
  Generation(uint64_t n, const std::string& path, duckdb::DBConfig& config)
      : number(n), duck(path, &config) {}

  // True when DuckDB refuses further work.
  bool IsSpoilt();
  duckdb::Connection Connect() { return duckdb::Connection(duck); }

  const uint64_t number;
  duckdb::DuckDB duck;
};
using GenerationRef = std::shared_ptr<Generation>;

class Database {
 public:
  struct Options {
    std::string data_dir;             // holds meta.duckdb and tmp/
    uint64_t memory_limit_bytes = 0;  // 0: DuckDB's default
    uint32_t threads = 0;             // 0: all cores
    std::vector<std::string> allowed_directories;
  };
  // Registers functions, optimizer steps and the like; called once for each instance.
  using Setup = std::function<void(duckdb::DatabaseInstance&)>;

  static Result<std::unique_ptr<Database>> Open(Options options, Setup setup);

  GenerationRef current() const VARVE_EXCLUDES(mu_);

  // Call after a failed statement: when it has spoilt `generation`, the next current() is a new
  // one. An error means that no instance can be opened; the old one stays.
  Status RenewIfSpoilt(const GenerationRef& generation, std::string_view statement)
      VARVE_EXCLUDES(mu_);

 private:
  Database(Options options, Setup setup) : options_(std::move(options)), setup_(std::move(setup)) {}
  Result<GenerationRef> OpenGeneration(uint64_t number) const;

  const Options options_;
  const Setup setup_;
  mutable Mutex mu_;
  GenerationRef current_ VARVE_GUARDED_BY(mu_);
};

// Runs SQL text of the engine's own on `connection`; the error names the text.
Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>> RunInternal(
    duckdb::Connection& connection, const std::string& sql);

// `text` as an SQL literal, with its quotes.
std::string SqlLiteral(std::string_view text);
// `name` as a quoted SQL identifier.
std::string SqlName(std::string_view name);

}  // namespace varve::engine
