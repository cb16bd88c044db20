#include "engine/engine.h"

#include <spdlog/spdlog.h>

#include "engine/duck_session.h"
#include "engine/engine_core.h"
#include "engine/redirect.h"
#include "engine/ring_tables.h"
#include "engine/store_file_system.h"
#include "engine/system_views.h"

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
      core->database,
      Database::Open(std::move(database), [raw = core.get()](duckdb::DatabaseInstance& db) {
        if (raw->options.stores != nullptr) {
          RegisterStoreFiles(db, *raw->options.stores, *raw->options.cache);
        }
        RegisterRedirection(db, raw->store);
        raw->sources.Register(db);
        raw->kept_rows.Register(db);
        RegisterSystemFunctions(db, *raw);
        RegisterTextCasts(db);
      }));
  VARVE_ASSIGN_OR_RETURN(core->meta, MetaStore::Open(*core->database));
  auto connection = core->database->current()->Connect();
  VARVE_RETURN_IF_ERROR(CreateSystemViews(connection));
  VARVE_ASSIGN_OR_RETURN(core->users_own_ring_names, UsersOwnRingNames(connection));
  VARVE_RETURN_IF_ERROR(core->meta->Load(catalog));
  core->parquet_writer =
      std::make_unique<DuckParquetWriter>(*core->database, core->sources, core->kept_rows);
  core->checkpoint_codec = std::make_unique<DuckCheckpointCodec>(*core->database, core->sources);
  return std::unique_ptr<SqlEngine>(new SqlEngine(std::move(core)));
}

Result<Lsn> SqlEngine::OpenTables(LakeParts parts) {
  core_->sync = std::make_unique<LakeSync>(*core_, std::move(parts));
  return core_->sync->Open();
}

Status SqlEngine::RefreshLake() { return core_->sync->Refresh(); }

Status SqlEngine::Attach(const EngineParts& parts) {
  VARVE_CHECK(parts.buffer != nullptr && parts.writer != nullptr && parts.tables != nullptr);
  core_->parts = parts;
  core_->tables = std::make_unique<LakeTables>(*parts.buffer, *parts.tables, parts.lake);
  VARVE_ASSIGN_OR_RETURN(const auto dropped, core_->meta->Dropped());
  for (const auto& table : dropped) {
    core_->tables->ResumeDrop(table);
  }
  // The job of that name goes on with it: no reason not to start on a disk that is full.
  if (const Status deleted = DeleteDroppedFolders(); !deleted.ok()) {
    spdlog::warn("folders of dropped tables: {}", MessageOf(deleted));
  }
  return OkStatus();
}

Status SqlEngine::DeleteDroppedFolders() {
  for (const TableId id : core_->tables->DeleteUnusedFolders()) {
    VARVE_RETURN_IF_ERROR(core_->meta->ForgetDropped(id));
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
Result<TableId> SqlEngine::HighestTableId() {
  return core_->meta->is_new() ? TableId(0) : core_->meta->HighestTableId();
}
Result<std::set<uint64_t>> SqlEngine::CommittedNumbers() { return core_->meta->CommittedNumbers(); }
Status SqlEngine::KeepCommittedNumbers(const std::set<uint64_t>& met) {
  return core_->meta->KeepCommittedNumbers(met);
}
Database& SqlEngine::database() { return *core_->database; }

}  // namespace varve::engine
