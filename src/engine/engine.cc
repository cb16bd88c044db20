#include "engine/engine.h"

#include <filesystem>

#include "engine/duck_session.h"
#include "engine/engine_core.h"
#include "engine/redirect.h"

namespace varve::engine {

SqlEngine::SqlEngine(std::unique_ptr<EngineCore> core) : core_(std::move(core)) {}
SqlEngine::~SqlEngine() = default;

Result<std::unique_ptr<SqlEngine>> SqlEngine::Open(EngineOptions options, catalog::Catalog& catalog,
                                                   io::ObjectStore& store) {
  auto core = std::make_unique<EngineCore>(std::move(options), catalog, store);
  Database::Options database{.data_dir = core->options.data_dir,
                             .memory_limit_bytes = core->options.memory_limit_bytes,
                             .threads = core->options.threads,
                             .allowed_directories = core->options.allowed_directories};
  VARVE_ASSIGN_OR_RETURN(
      core->database, Database::Open(std::move(database), [&store](duckdb::DatabaseInstance& db) {
        RegisterRedirection(db, store);
      }));
  VARVE_ASSIGN_OR_RETURN(core->meta, MetaStore::Open(*core->database));
  VARVE_RETURN_IF_ERROR(core->meta->Load(catalog));
  for (const auto& table : core->options.shipped_tables) {
    VARVE_RETURN_IF_ERROR(core->meta->EnsureShipped(catalog, table));
  }
  return std::unique_ptr<SqlEngine>(new SqlEngine(std::move(core)));
}

Status SqlEngine::Attach(const EngineParts& parts) {
  VARVE_CHECK(parts.buffer != nullptr && parts.writer != nullptr && parts.tables != nullptr);
  core_->parts = parts;
  VARVE_ASSIGN_OR_RETURN(const auto dropped, core_->meta->Dropped());
  for (const auto& table : dropped) {
    VARVE_RETURN_IF_ERROR(parts.tables->DeleteFolder(table.location));
    VARVE_RETURN_IF_ERROR(core_->meta->ForgetDropped(table.id));
  }
  return OkStatus();
}

Result<std::unique_ptr<Session>> SqlEngine::NewSession(const std::string& user,
                                                       const std::string& database) {
  if (core_->parts.buffer == nullptr) {
    return SqlError(sqlstate::kCannotConnectNow, "the database system is starting up");
  }
  return std::make_unique<DuckSession>(*core_, user, database);
}

lake::ParquetWriter& SqlEngine::parquet_writer() { return *core_->parquet_writer; }
lake::CheckpointCodec& SqlEngine::checkpoint_codec() { return *core_->checkpoint_codec; }
Database& SqlEngine::database() { return *core_->database; }

}  // namespace varve::engine
