#include "main/storage.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/telemetry.h"
#include "buffer/buffer.h"
#include "cache/block_cache.h"
#include "cache/caching_store.h"
#include "catalog/catalog.h"
#include "catalog/dashboards.h"
#include "catalog/schema_file.h"
#include "config/option_registry.h"
#include "engine/duck_file_rewriter.h"
#include "engine/engine.h"
#include "engine/temporary_space.h"
#include "flush/background.h"
#include "flush/flusher.h"
#include "flush/job_runner.h"
#include "flush/stager.h"
#include "ingest/committer.h"
#include "ingest/decode_settings.h"
#include "ingest/replayer.h"
#include "ingest/ring_writer.h"
#include "ingest/value_text.h"
#include "io/posix/posix_file_system.h"
#include "io/routed_store.h"
#include "io/store_set.h"
#include "lake/flush_notes.h"
#include "lake/routed_commits.h"
#include "lake/table_set.h"
#include "log/local_log.h"
#include "log/log_reader.h"
#include "main/cache_gauges.h"
#include "main/commit_coordination.h"
#include "main/data_dir.h"
#include "main/gauges.h"
#include "main/host_collector.h"
#include "main/job_warnings.h"
#include "main/lake_store.h"
#include "main/log_status.h"
#include "main/low_priority.h"
#include "main/project_stores.h"
#include "main/write_room.h"
#include "maintenance/upkeep.h"
#include "ring/checkpoint_note.h"
#include "ring/ring_store.h"
#include "server/core/value_text.h"

namespace varve {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;
constexpr uint64_t kGigabyte = 1 << 30;
constexpr size_t kJobThreads = 2;
constexpr size_t kLocalJobThreads = 2;
// How long the files of a dropped table may outlive the last statement that reads them.
constexpr std::chrono::milliseconds kDropFoldersInterval{1000};
constexpr std::chrono::milliseconds kTemporarySpaceInterval{1000};

// After a failed write or sync nothing may be acknowledged any more, and no thread may get the
// chance to try: the process ends here and now, and the next start replays what is durable.
[[noreturn]] void StopForBrokenLog(const Status& error) {
  spdlog::critical("the log has failed, stopping: {}", MessageOf(error));
  std::_Exit(EXIT_FAILURE);
}

Result<std::vector<TableDef>> ShippedTables() {
  std::vector<TableDef> tables;
  for (const std::string_view text : catalog::ShippedSchemaFiles()) {
    VARVE_ASSIGN_OR_RETURN(TableDef table, catalog::ParseSchemaFile(std::string(text)));
    tables.push_back(std::move(table));
  }
  return tables;
}

std::vector<engine::OptionRow> OptionRows(const config::Options& options) {
  std::vector<engine::OptionRow> rows;
  for (const auto& [name, value] : options.all()) {
    const config::OptionSpec& spec = *config::FindOption(name);
    const bool hidden = spec.secret && !value.text.empty();
    rows.push_back({name, hidden ? "***" : value.text,
                    std::string(config::SourceName(value.source)), std::string(spec.sentence)});
  }
  return rows;
}

maintenance::UpkeepSettings UpkeepSettingsOf(const config::Options& options, const DataDir& dir) {
  const auto seconds = [&](const char* name) {
    return std::chrono::seconds(options.Integer(name));
  };
  maintenance::UpkeepSettings settings;
  settings.compactor.limits.target_bytes = options.Bytes("optimize-target-mb");
  settings.compactor.scratch_dir = dir.Sub("scratch");
  settings.compactor.memory_bytes_max =
      static_cast<uint64_t>(options.Integer("compact-memory-mb")) * kMegabyte;
  // The writer holds a row group in memory, encoded and not, besides what it merges.
  settings.compactor.row_group_bytes =
      std::min(static_cast<uint64_t>(options.Bytes("row-group-bytes")),
               settings.compactor.memory_bytes_max / 5);
  settings.compact_interval = seconds("compact-interval-secs");
  settings.expire_interval = seconds("retention-interval-secs");
  settings.vacuum_interval = seconds("vacuum-interval-secs");
  return settings;
}

flush::BackgroundWork::Settings BackgroundSettingsOf(const config::Options& options) {
  flush::BackgroundWork::Settings settings;
  settings.flush_interval = std::chrono::seconds(options.Integer("flush-interval-secs"));
  settings.ring_checkpoint_interval = std::chrono::seconds(options.Integer("ring-checkpoint-secs"));
  // A small log would be full of samples before the usual bound.
  settings.log_bytes_of_rings_max =
      std::min(settings.log_bytes_of_rings_max,
               static_cast<uint64_t>(options.Integer("log-max-mb")) * kMegabyte / 4);
  return settings;
}

ingest::RingDefaults RingDefaultsOf(const config::Options& options) {
  ingest::RingDefaults defaults;
  defaults.shape.step_seconds = static_cast<uint32_t>(options.Integer("ring-default-step"));
  defaults.shape.slots = static_cast<uint32_t>(options.Integer("ring-default-slots"));
  return defaults;
}

// SQL reads text as the ingest path does, so that a value means the same whichever way it comes.
Result<engine::TextReader> TextReaderFor(std::string_view time_zone) {
  ingest::DecodeSettings settings;
  VARVE_ASSIGN_OR_RETURN(settings.time_zone, ingest::FindTimeZone(time_zone));
  settings.now = TimestampUs(Clock::System().NowUs());
  return [settings](std::string_view text, ColumnBuilder& builder) {
    return ingest::AppendText(text, settings, builder);
  };
}

}  // namespace

// In the order in which they are opened; destroyed the other way round.
struct Storage::Parts {
  explicit Parts(const config::Options& options)
      : budget(static_cast<uint64_t>(options.Integer("buffer-max-memory-mb")) * kMegabyte),
        buffer(budget),
        runner(Clock::System(), warnings.Sink()),
        local_runner(Clock::System(), warnings.Sink()) {}

  ~Parts() {
    Telemetry::Get().ClearGauges();
    if (upkeep != nullptr) upkeep->Stop();
    local_runner.Stop();
    runner.Stop();
    // They use the log, so they go first.
    collector.reset();
    ring_writer.reset();
    // The log answers what it has and joins its writer before anything that its callbacks use goes.
    log.reset();
  }

  Status OpenDashboards();
  void OpenCache(const config::Options& options);
  Status OpenLake(const config::Options& options);
  Status OpenEngine(const config::Options& options);
  Status FindLogBegin();
  Status OpenTables(const config::Options& options);
  Status OpenRings(const config::Options& options);
  Status OpenLog(const config::Options& options);
  Status StartJobs(const config::Options& options);

  io::PosixFileSystem files;
  DataDir dir;
  std::unique_ptr<catalog::Dashboards> dashboards;
  std::optional<lake::FlushNotes> notes;
  std::optional<Lsn> log_begin;  // the oldest record that the log has
  buffer::MemoryBudget budget;
  buffer::Buffer buffer;
  catalog::Catalog catalog;
  lake::TableSet tables;
  std::unique_ptr<LakeStore> lake_store;
  std::unique_ptr<CommitCoordination> coordination;
  std::unique_ptr<lake::CommitStore> commits;
  io::StoreSet stores;
  // What writes and reads of the lake go through: projects' own buckets are behind them.
  std::unique_ptr<io::RoutedStore> store;
  std::unique_ptr<lake::RoutedCommits> routed_commits;
  std::unique_ptr<ProjectStores> projects;
  std::unique_ptr<cache::BlockCache> cache;      // goes before the stores that it reads
  std::unique_ptr<cache::CachingStore> caching;  // a bucket only: files on the disk need no copy
  std::unique_ptr<engine::SqlEngine> engine;
  lake::DeltaTable::Context delta;
  std::unique_ptr<flush::Stager> stager;
  std::unique_ptr<flush::Flusher> flusher;
  std::optional<ring::CheckpointNote> ring_note;
  std::unique_ptr<ring::RingStore> rings;
  Lsn flushed_max;  // the highest Lsn that any table's files reach
  log::LocalLogOptions log_options;
  std::unique_ptr<log::LocalLog> log;
  std::unique_ptr<ingest::Committer> committer;
  std::unique_ptr<ingest::RingWriter> ring_writer;
  std::unique_ptr<HostCollector> collector;  // none without collect-host
  JobWarnings warnings;
  flush::JobRunner runner;        // of jobs that may wait for the object store
  flush::JobRunner local_runner;  // of those that never do
  std::unique_ptr<flush::BackgroundWork> background;
  engine::DuckFileRewriter rewriter;
  LowPriority upkeep_priority;
  std::unique_ptr<maintenance::Upkeep> upkeep;
};

// First of all: a file that is damaged is found before a long replay, not after it.
Status Storage::Parts::OpenDashboards() {
  VARVE_ASSIGN_OR_RETURN(dashboards, catalog::Dashboards::Open(files, dir.Sub("dashboards.json")));
  return OkStatus();
}

void Storage::Parts::OpenCache(const config::Options& options) {
  cache::BlockCache::Options settings;
  settings.memory_bytes = static_cast<uint64_t>(options.Integer("cache-memory-mb")) * kMegabyte;
  settings.disk_bytes = static_cast<uint64_t>(options.Integer("cache-disk-gb")) * kGigabyte;
  settings.ttl_us = options.Integer("cache-ttl-seconds") * 1'000'000;
  settings.dir = dir.Sub("cache");
  cache = std::make_unique<cache::BlockCache>(settings, files, Clock::System());
}

Status Storage::Parts::OpenLake(const config::Options& options) {
  const std::string root = io::JoinPath(dir.Sub("lake"), options.Text("table-prefix"));
  const char* const home = std::getenv("HOME");
  VARVE_ASSIGN_OR_RETURN(lake_store,
                         LakeStore::Open(options, root, files, home == nullptr ? "" : home));
  VARVE_ASSIGN_OR_RETURN(coordination, CommitCoordination::Open(options, lake_store->cloud()));
  VARVE_ASSIGN_OR_RETURN(commits, coordination->For(lake_store->store(), options.Text("s3-bucket"),
                                                    options.Text("table-prefix")));
  io::ObjectStore* own = &lake_store->store();
  if (lake_store->cloud() != nullptr) {
    caching = std::make_unique<cache::CachingStore>(std::string(io::kLakeStore), *own, *cache);
    own = caching.get();
  }
  VARVE_RETURN_IF_ERROR(stores.Add(std::string(io::kLakeStore), *own));
  store = std::make_unique<io::RoutedStore>(*own);
  routed_commits = std::make_unique<lake::RoutedCommits>(*commits);
  const Cloud* const cloud = lake_store->cloud();
  const std::string region = cloud == nullptr ? options.Text("s3-region") : cloud->region;
  VARVE_ASSIGN_OR_RETURN(projects, ProjectStores::Open({files, stores, *cache, *coordination,
                                                        *store, *routed_commits, region},
                                                       options, dir.Sub("projects.json")));
  return OkStatus();
}

Status Storage::Parts::OpenEngine(const config::Options& options) {
  engine::EngineOptions settings;
  settings.data_dir = dir.path;
  settings.memory_limit_bytes =
      static_cast<uint64_t>(options.Integer("memory-limit-mb")) * kMegabyte;
  settings.threads = static_cast<uint32_t>(options.Integer("threads"));
  settings.transaction_bytes_max = budget.hard_bytes();
  settings.statement_timeout_ms = options.Integer("statement-timeout-ms");
  settings.allowed_directories = {dir.Sub("lake"), dir.Sub("scratch"), dir.Sub("staged")};
  settings.stores = &stores;
  settings.projects = projects.get();
  settings.cache = cache.get();
  VARVE_ASSIGN_OR_RETURN(settings.shipped_tables, ShippedTables());
  settings.options = OptionRows(options);
  settings.text_readers = TextReaderFor;
  settings.text_writer = [](const Column& column, size_t row, std::string& out) {
    server::AppendValueText(column, row, server::TextStyle(), out);
  };
  VARVE_ASSIGN_OR_RETURN(engine, engine::SqlEngine::Open(std::move(settings), catalog, *store));
  return OkStatus();
}

Status Storage::Parts::FindLogBegin() {
  const auto logs = log::ListSegments(files, dir.Sub("log"));
  if (logs.status().code() == StatusCode::kNotFound) return OkStatus();
  VARVE_RETURN_IF_ERROR(logs.status());
  if (!logs->empty()) log_begin = logs->front().first;
  return OkStatus();
}

Status Storage::Parts::OpenTables(const config::Options& options) {
  delta.store = store.get();
  delta.commits = routed_commits.get();
  delta.checkpoints = &engine->checkpoint_codec();
  delta.clock = &Clock::System();
  delta.scratch_dir = dir.Sub("scratch");
  const auto segments = files.List(dir.Sub("log"));
  engine::LakeParts lake;
  lake.buffer = &buffer;
  lake.tables = &tables;
  lake.context = delta;
  lake.app_id = [this](TableId id) { return flush::TxnAppId(dir.node_id, id); };
  lake.has_log = segments.ok() && !segments->empty();
  lake.log_begin = log_begin;
  // What goes to a local folder ends with the process.
  lake.fence = dir.had_staged && !options.Text("s3-bucket").empty();
  lake.fence_parts = dir.had_staged;
  notes.emplace(files, dir.Sub("flushed"));
  lake.notes = &*notes;
  VARVE_ASSIGN_OR_RETURN(flushed_max, engine->OpenTables(std::move(lake)));
  VARVE_RETURN_IF_ERROR(EmptyStaged(files, dir));
  flush::StagerSettings settings;
  settings.dir = dir.Sub("staged");
  settings.format.row_group_bytes = static_cast<uint64_t>(options.Bytes("row-group-bytes"));
  stager = std::make_unique<flush::Stager>(
      flush::StagerParts{buffer, budget, engine->parquet_writer(), files, Clock::System()},
      std::move(settings));
  flusher = std::make_unique<flush::Flusher>(
      flush::FlushParts{buffer, *stager, tables, *store, Clock::System(), &*notes}, dir.node_id);
  return OkStatus();
}

Status Storage::Parts::OpenRings(const config::Options& options) {
  ring::RingOptions settings;
  settings.dir = dir.Sub("rings");
  settings.metrics_max = static_cast<size_t>(options.Integer("ring-metrics-max"));
  ring_note.emplace(files, dir.Sub("flushed/rings-checkpoint"));
  VARVE_RETURN_IF_ERROR(ring_note->Check(settings.dir, log_begin));
  VARVE_ASSIGN_OR_RETURN(rings, ring::RingStore::Open(files, settings));
  return OkStatus();
}

Status Storage::Parts::OpenLog(const config::Options& options) {
  log::LocalLogOptions& settings = log_options;
  settings.dir = dir.Sub("log");
  settings.max_bytes = static_cast<uint64_t>(options.Integer("log-max-mb")) * kMegabyte;
  settings.sync = options.LogSync();
  settings.min_next_lsn = std::max(flushed_max, rings->checkpoint_lsn()).Next();
  settings.on_fatal = StopForBrokenLog;
  VARVE_ASSIGN_OR_RETURN(const TableId highest, engine->HighestTableId());
  VARVE_ASSIGN_OR_RETURN(std::set<uint64_t> committed, engine->CommittedNumbers());
  ingest::Replayer replayer(buffer, budget, *rings, highest, std::move(committed),
                            [this] { return stager->Relieve(); });
  const int64_t started_us = Clock::System().MonotonicUs();
  Lsn log_end;
  VARVE_ASSIGN_OR_RETURN(log,
                         log::OpenLocalLog(files, settings, [&](std::span<log::Record> records) {
                           if (!records.empty()) log_end = records.back().lsn;
                           return replayer.Replay(records);
                         }));
  VARVE_RETURN_IF_ERROR(ring_note->CheckEnd(log_end));
  VARVE_RETURN_IF_ERROR(replayer.Finish());
  // What cannot be forgotten now another start forgets: a full disk must not stop this one.
  if (const Status kept = engine->KeepCommittedNumbers(replayer.report().committed); !kept.ok()) {
    spdlog::warn("numbers of old transactions stay in meta.duckdb: {}", MessageOf(kept));
  }
  const ingest::ReplayReport& report = replayer.report();
  spdlog::info("log replayed: {} rows and {} samples in {} transactions, {} ms", report.rows,
               report.ring_samples, report.transactions,
               (Clock::System().MonotonicUs() - started_us) / 1000);
  return OkStatus();
}

Status Storage::Parts::StartJobs(const config::Options& options) {
  committer = std::make_unique<ingest::Committer>(
      *log, buffer, budget, std::chrono::milliseconds(options.Integer("batch-interval-ms")));
  const flush::BackgroundWork::Settings settings = BackgroundSettingsOf(options);
  background = std::make_unique<flush::BackgroundWork>(
      flush::BackgroundWork::Parts{buffer, budget, *log, *rings, *stager, *flusher, runner,
                                   local_runner, &*ring_note},
      settings);
  ring_writer = ingest::RingWriter::Create(
      *log, *rings, RingDefaultsOf(options),
      {settings.log_bytes_of_rings_max, [this] { background->CheckpointRings(); }});
  if (const auto interval = std::chrono::seconds(options.Integer("lake-refresh-secs"));
      interval.count() > 0) {
    runner.Add({.name = "lake-refresh",
                .interval = interval,
                .retry_after = interval,
                .run = [this](flush::JobRunner::Trigger) { return engine->RefreshLake(); }});
  }
  runner.Add({.name = "drop-folders",
              .interval = kDropFoldersInterval,
              .run = [this](flush::JobRunner::Trigger) { return engine->DeleteDroppedFolders(); }});
  local_runner.Add({.name = "temporary-space",
                    .interval = kTemporarySpaceInterval,
                    .run = [this](flush::JobRunner::Trigger) {
                      engine::LimitTemporarySpace(*engine, dir.path);
                      return OkStatus();
                    }});
  upkeep = std::make_unique<maintenance::Upkeep>(
      maintenance::UpkeepParts{tables, *store, files, rewriter, *background, Clock::System()},
      catalog, UpkeepSettingsOf(options, dir));
  engine::EngineParts parts;
  parts.buffer = &buffer;
  parts.writer = committer.get();
  parts.maintenance = background.get();
  parts.upkeep = upkeep.get();
  parts.tables = &tables;
  parts.rings = rings.get();
  parts.lake = delta;
  parts.data_files.row_group_bytes = static_cast<uint64_t>(options.Bytes("row-group-bytes"));
  parts.log_status = [this] { return LogStatus(*log, log_options); };
  VARVE_RETURN_IF_ERROR(engine->Attach(parts));
  local_runner.Start(kLocalJobThreads);
  runner.Start(kJobThreads);
  upkeep->Start([this] { upkeep_priority.Enter(); });
  RegisterGauges(budget, buffer, *log, *background, *upkeep);
  RegisterRingGauges(*rings);
  if (options.Bool("collect-host")) {
    collector = std::make_unique<HostCollector>(HostReader(files, {.disk = dir.path}), *ring_writer,
                                                Clock::System());
    collector->Start();
  }
  RegisterCacheGauges(*cache);
  return OkStatus();
}

Storage::Storage(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Storage::~Storage() = default;

Result<std::unique_ptr<Storage>> Storage::Open(const config::Options& options) {
  auto parts = std::make_unique<Parts>(options);
  VARVE_ASSIGN_OR_RETURN(parts->dir, OpenDataDir(parts->files, options.Text("data-dir")));
  VARVE_RETURN_IF_ERROR(parts->OpenDashboards());
  parts->OpenCache(options);
  VARVE_RETURN_IF_ERROR(parts->OpenLake(options));
  VARVE_RETURN_IF_ERROR(parts->OpenEngine(options));
  VARVE_RETURN_IF_ERROR(parts->FindLogBegin());
  VARVE_RETURN_IF_ERROR(parts->OpenTables(options));
  VARVE_RETURN_IF_ERROR(parts->OpenRings(options));
  VARVE_RETURN_IF_ERROR(parts->OpenLog(options));
  VARVE_RETURN_IF_ERROR(parts->StartJobs(options));
  return std::unique_ptr<Storage>(new Storage(std::move(parts)));
}

engine::Engine& Storage::engine() { return *parts_->engine; }

ring::RingStore& Storage::rings() { return *parts_->rings; }

ingest::RingWriter& Storage::ring_writer() { return *parts_->ring_writer; }

catalog::Dashboards& Storage::dashboards() { return *parts_->dashboards; }

const std::string& Storage::data_dir() const { return parts_->dir.path; }

Status Storage::CheckWriteRoom() const {
  return varve::CheckWriteRoom(parts_->files, parts_->dir.path, parts_->log->telemetry(),
                               parts_->log_options.max_bytes);
}

void Storage::LimitFlushes(std::chrono::milliseconds limit) { parts_->flusher->GiveUpAfter(limit); }

void Storage::Close(std::chrono::milliseconds limit) {
  LimitFlushes(limit);
  parts_->collector.reset();
  std::vector<Cloud*> clouds = parts_->projects->clouds();
  if (Cloud* const own = parts_->lake_store->cloud(); own != nullptr) clouds.push_back(own);
  const StopRequestsLater stop_requests(std::move(clouds), limit);
  // A merge ends once its row group is compressed. That is seconds of work, more beside busy
  // neighbours at low priority, and goes on beside the flush.
  parts_->upkeep->RequestStop();
  parts_->upkeep_priority.Lift();
  parts_->local_runner.Stop();
  parts_->runner.Stop();
  const Status flushed = parts_->background->FlushForShutdown();
  if (!flushed.ok()) {
    spdlog::warn("not everything could be flushed, it stays in the log: {}", MessageOf(flushed));
  }
  parts_->upkeep->Stop();
}

}  // namespace varve
