#include "engine/database.h"

#include <spdlog/spdlog.h>

#include <duckdb/main/valid_checker.hpp>
#include <filesystem>

#include "engine/dialect_settings.h"
#include "engine/duck_guard.h"
#include "engine/duckdb_version.h"
#include "engine/functions.h"
#include "engine/task_drive.h"
#include "engine/temporary_space.h"

namespace varve::engine {

bool Generation::IsSpoilt() { return duckdb::ValidChecker::IsInvalidated(*duck.instance); }

Result<std::unique_ptr<Database>> Database::Open(Options options, Setup setup) {
  // Headers and library of two versions do not fit each other, and nothing else would say so.
  if (const std::string_view library = duckdb::DuckDB::LibraryVersion();
      library != kDuckDbVersion) {
    return FailedPrecondition("the DuckDB library is {}, but Varve was built for {}", library,
                              kDuckDbVersion);
  }
  std::error_code error;
  options.data_dir = std::filesystem::absolute(options.data_dir, error).lexically_normal();
  std::unique_ptr<Database> database(new Database(std::move(options), std::move(setup)));
  VARVE_ASSIGN_OR_RETURN(auto generation, database->OpenGeneration(1));
  MutexLock lock(database->mu_);
  database->current_ = std::move(generation);
  return database;
}

Result<GenerationRef> Database::OpenGeneration(uint64_t number) const {
  return GuardDuck([&]() -> Result<GenerationRef> {
    duckdb::DBConfig config;
    ConfigureDialect(config);
    if (options_.memory_limit_bytes > 0)
      config.options.maximum_memory = options_.memory_limit_bytes;
    if (options_.threads > 0) config.options.maximum_threads = options_.threads;
    config.options.temporary_directory = options_.data_dir + "/tmp";
    auto generation =
        std::make_shared<Generation>(number, options_.data_dir + "/meta.duckdb", config);
    auto& instance = *generation->duck.instance;
    auto& live = duckdb::DBConfig::GetConfig(instance);
    live.AddAllowedDirectory(options_.data_dir);
    for (const auto& directory : options_.allowed_directories) live.AddAllowedDirectory(directory);
    live.replacement_scans.clear();  // 'file.csv' in FROM is a table name here, never a file
    LimitTemporarySpace(instance, options_.data_dir);
    RegisterFunctions(instance);
    setup_(instance);
    auto connection = generation->Connect();
    for (const char* setting : {"SET GLOBAL parquet_metadata_cache = true",
                                // The cache of our own has a limit of its own: decision 0015.
                                "SET GLOBAL enable_external_file_cache = false",
                                "SET GLOBAL enable_external_access = false"}) {
      VARVE_RETURN_IF_ERROR(RunInternal(connection, setting).status());
    }
    return generation;
  });
}

GenerationRef Database::current() const {
  MutexLock lock(mu_);
  return current_;
}

Status Database::RenewIfSpoilt(const GenerationRef& generation, std::string_view statement) {
  MutexLock lock(mu_);
  if (!generation->IsSpoilt() || current_ != generation) return OkStatus();
  spdlog::error("engine: internal error in generation {}, statement: {}", generation->number,
                statement);
  // The spoilt instance writes nothing any more, also not when its last connection closes.
  duckdb::DBConfig::GetConfig(*generation->duck.instance).options.checkpoint_on_shutdown = false;
  auto next = OpenGeneration(generation->number + 1);
  if (!next.ok()) {
    spdlog::error("engine: cannot open a new generation: {}", MessageOf(next.status()));
    return next.status();
  }
  current_ = *std::move(next);
  spdlog::info("engine: generation {} serves", current_->number);
  return OkStatus();
}

Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>> RunInternal(
    duckdb::Connection& connection, const std::string& sql) {
  using Outcome = Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>>;
  return GuardDuck(sql, [&]() -> Outcome {
    const auto annotated = [&](const duckdb::ErrorData& error) {
      return Annotate(StatusFromDuck(error, sql), sql);
    };
    auto pending = connection.PendingQuery(sql);
    if (pending->HasError()) return annotated(pending->GetErrorObject());
    auto result = ExecutePending(*pending);
    if (result->HasError()) return annotated(result->GetErrorObject());
    return duckdb::unique_ptr_cast<duckdb::QueryResult, duckdb::MaterializedQueryResult>(
        std::move(result));
  });
}

std::string SqlLiteral(std::string_view text) {
  return duckdb::KeywordHelper::WriteQuoted(std::string(text), '\'');
}

std::string SqlName(std::string_view name) {
  return duckdb::KeywordHelper::WriteQuoted(std::string(name), '"');
}

}  // namespace varve::engine
