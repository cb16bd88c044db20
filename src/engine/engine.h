// Opens the SQL engine and holds what its sessions share.
//
// Role:     main -> [SqlEngine] -> Session for each client; ParquetWriter and CheckpointCodec for
//           lake and flush.
// Order:    1. Open: meta.duckdb is read, the Catalog is filled; parquet_writer() and
//              checkpoint_codec() work from here on, sessions do not.
//           2. OpenTables: finds and opens the Delta tables, fills Catalog and buffer. Then main
//              replays the log (with the Catalog).
//           3. Attach: sessions may be made. See README.md.
// Threads:  safe after Attach.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "buffer/buffer.h"
#include "cache/block_cache.h"
#include "catalog/catalog.h"
#include "catalog/maintenance.h"
#include "catalog/project_storage.h"
#include "catalog/table_upkeep.h"
#include "catalog/table_writer.h"
#include "engine/session.h"
#include "engine/text_cast.h"
#include "io/object_store.h"
#include "io/store_set.h"
#include "lake/data_file.h"
#include "lake/delta_table.h"
#include "lake/flush_notes.h"
#include "lake/parquet_writer.h"
#include "lake/table_set.h"
#include "ring/ring_store.h"

namespace varve::engine {

// One row of varve.options: strings as they are shown.
struct OptionRow {
  std::string name;
  std::string value;
  std::string source;
  std::string description;
};

struct EngineOptions {
  std::string data_dir;
  uint64_t memory_limit_bytes = 0;                     // 0: DuckDB's default
  uint32_t threads = 0;                                // 0: all cores
  int64_t statement_timeout_ms = 0;                    // default of new sessions; 0: none
  uint64_t transaction_bytes_max = uint64_t{1} << 30;  // rows that wait for COMMIT; 54000 past it
  TextReaders text_readers;                            // how casts from text read; may be empty
  TextWriter text_writer;                              // how casts to text write; may be empty
  std::vector<std::string> allowed_directories;        // where the store's files are
  // Of varve:// paths; both or none, and both outlive the engine.
  const io::StoreSet* stores = nullptr;
  cache::BlockCache* cache = nullptr;
  catalog::ProjectStorage* projects = nullptr;  // may be missing: then no project has its own
  std::vector<TableDef> shipped_tables;
  std::vector<OptionRow> options;
};

// What runs below and beside the engine; all outlive it.
struct EngineParts {
  buffer::Buffer* buffer = nullptr;
  catalog::TableWriter* writer = nullptr;
  catalog::Maintenance* maintenance = nullptr;
  catalog::TableUpkeep* upkeep = nullptr;  // may be missing: then SQL cannot ask for it
  const ring::RingStore* rings =
      nullptr;  // may be missing: then the tables of schema ring are empty
  lake::TableSet* tables = nullptr;
  // The log's state for varve.log, as (property, value); empty where there is no log.
  std::function<std::vector<std::pair<std::string, std::string>>()> log_status;
  lake::DeltaTable::Context lake;   // for the Delta tables of CREATE TABLE
  lake::DataFileFormat data_files;  // of what DELETE and UPDATE write
};

// What the tables are opened with; all outlive the engine's users.
struct LakeParts {
  buffer::Buffer* buffer = nullptr;
  lake::TableSet* tables = nullptr;
  lake::DeltaTable::Context context;
  // The appId of this node's commits: "<node id>/<table id>".
  std::function<std::string(TableId)> app_id;
  bool has_log = false;  // rows of an earlier run may be replayed
  // A commit of the last run may still be on its way to the store: it must not come in between.
  bool fence = false;
  bool fence_parts = false;           // the same for the buckets of projects
  lake::FlushNotes* notes = nullptr;  // may be missing
  std::optional<Lsn> log_begin;       // the oldest record that the log has
};

class Database;
struct EngineCore;

class SqlEngine : public Engine {
 public:
  // Reads the definitions and puts them, and the shipped tables, into `catalog`. `catalog` and
  // `store` outlive the engine.
  static Result<std::unique_ptr<SqlEngine>> Open(EngineOptions options, catalog::Catalog& catalog,
                                                 io::ObjectStore& store);
  ~SqlEngine() override;

  lake::ParquetWriter& parquet_writer();
  lake::CheckpointCodec& checkpoint_codec();

  // Opens every table that is known here or lies in the lake, whoever made it, and makes the
  // shipped ones that are nowhere. Returns the highest Lsn that the files of any table reach.
  Result<Lsn> OpenTables(LakeParts parts);
  // Picks up what other servers and engines have committed since: rows, columns, tables.
  Status RefreshLake();

  // The highest table id ever given: a log record with a higher one is damage, one with an unknown
  // lower id belonged to a table that was dropped or never became durable. 0 when the definitions
  // are new: whether a table was dropped, nobody knows then.
  Result<TableId> HighestTableId();

  // The numbers of the transactions with definitions and rows whose definitions are committed: the
  // rows behind such a number in the log count. After the replay, the numbers that it did not meet
  // are forgotten: their rows are in the lake.
  Result<std::set<uint64_t>> CommittedNumbers();
  Status KeepCommittedNumbers(const std::set<uint64_t>& met);

  // Deletes the folders of dropped tables that no running statement or flush uses any more. Each
  // commit of a definition does so too; this is for those that were in use then. After an error
  // the rest waits for the next call, or for the next start.
  Status DeleteDroppedFolders();

  // Sessions work from here on; folders of tables whose DROP was cut short are deleted.
  Status Attach(const EngineParts& parts);

  Result<std::unique_ptr<Session>> NewSession(const std::string& user,
                                              const std::string& database) override;

  Database& database();

 private:
  explicit SqlEngine(std::unique_ptr<EngineCore> core);
  std::unique_ptr<EngineCore> core_;
};

}  // namespace varve::engine
