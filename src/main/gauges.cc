#include "main/gauges.h"

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "base/telemetry.h"

namespace varve {
namespace {

using LogField = double (*)(const log::LogTelemetry&);

void LogGauge(const log::LocalLog& log, const char* name, const char* help, LogField field) {
  Telemetry::Get().SetGauge(name, help, [&log, field] { return field(log.telemetry()); });
}

void RegisterLog(const log::LocalLog& log) {
  LogGauge(log, "varve_log_transactions_total", "Transactions made durable.",
           [](const auto& t) { return static_cast<double>(t.transactions); });
  LogGauge(log, "varve_log_written_bytes_total", "Bytes written to the log.",
           [](const auto& t) { return static_cast<double>(t.written_bytes); });
  LogGauge(log, "varve_log_groups_total", "Writes, each of one or more transactions.",
           [](const auto& t) { return static_cast<double>(t.groups); });
  LogGauge(log, "varve_log_syncs_total", "Syncs of the log.",
           [](const auto& t) { return static_cast<double>(t.syncs); });
  LogGauge(log, "varve_log_sync_seconds_total", "Time spent in syncs.",
           [](const auto& t) { return static_cast<double>(t.sync_us_total) / 1e6; });
  LogGauge(log, "varve_log_rejected_total", "Transactions refused because the log was full.",
           [](const auto& t) { return static_cast<double>(t.rejected_full); });
  LogGauge(log, "varve_log_queue_bytes", "Bytes that wait for the log's writer.",
           [](const auto& t) { return static_cast<double>(t.queue_bytes); });
  LogGauge(log, "varve_log_disk_bytes", "Size of the log's segments on disk.",
           [](const auto& t) { return static_cast<double>(t.disk_bytes); });
  LogGauge(log, "varve_log_lsn", "Last acknowledged log sequence number.",
           [](const auto& t) { return static_cast<double>(t.acknowledged.value); });
}

struct Backlog {
  int64_t parts = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t oldest_us = INT64_MAX;
};

Backlog BacklogOf(const buffer::Buffer& buffer) {
  Backlog backlog;
  const buffer::SnapshotRef snapshot = buffer.Snapshot();
  for (const auto& [id, table] : *snapshot) {
    for (const buffer::StagedPartRef& part : table->staged) {
      ++backlog.parts;
      backlog.rows += part->content().rows;
      backlog.bytes += part->content().bytes;
      backlog.oldest_us = std::min(backlog.oldest_us, part->content().staged_us);
    }
  }
  return backlog;
}

void RegisterStaged(const buffer::Buffer& buffer) {
  Telemetry& telemetry = Telemetry::Get();
  telemetry.SetGauge("varve_staged_parts", "Parts on the local disk that wait for the lake.",
                     [&buffer] { return static_cast<double>(BacklogOf(buffer).parts); });
  telemetry.SetGauge("varve_staged_rows", "Rows on the local disk that wait for the lake.",
                     [&buffer] { return static_cast<double>(BacklogOf(buffer).rows); });
  telemetry.SetGauge("varve_staged_bytes", "Size of the files that wait for the lake.",
                     [&buffer] { return static_cast<double>(BacklogOf(buffer).bytes); });
  telemetry.SetGauge("varve_staged_oldest_seconds",
                     "How long the oldest rows on the local disk have waited for the lake.",
                     [&buffer] {
                       const int64_t oldest_us = BacklogOf(buffer).oldest_us;
                       if (oldest_us == INT64_MAX) return 0.0;
                       return static_cast<double>(Clock::System().NowUs() - oldest_us) / 1e6;
                     });
}

using RingField = double (*)(const ring::RingStore::Telemetry&);

void RingGauge(const ring::RingStore& rings, const char* name, const char* help, RingField field) {
  Telemetry::Get().SetGauge(name, help, [&rings, field] { return field(rings.telemetry()); });
}

}  // namespace

void RegisterGauges(const buffer::MemoryBudget& budget, const buffer::Buffer& buffer,
                    const log::LocalLog& log, const catalog::Maintenance& maintenance,
                    const catalog::TableUpkeep& upkeep) {
  Telemetry& telemetry = Telemetry::Get();
  telemetry.SetGauge("varve_buffer_bytes", "Memory held by rows that are not in the lake yet.",
                     [&budget] { return static_cast<double>(budget.used()); });
  telemetry.SetGauge("varve_buffer_bytes_max", "Limit of varve_buffer_bytes.",
                     [&budget] { return static_cast<double>(budget.hard_bytes()); });
  telemetry.SetGauge(
      "varve_jobs_failing", "Background jobs whose last run failed.", [&maintenance, &upkeep] {
        const auto failed = [](const catalog::JobInfo& job) { return !job.last_error.empty(); };
        const auto jobs = maintenance.Jobs();
        const auto others = upkeep.Jobs();
        return static_cast<double>(std::count_if(jobs.begin(), jobs.end(), failed) +
                                   std::count_if(others.begin(), others.end(), failed));
      });
  RegisterStaged(buffer);
  RegisterLog(log);
}

void RegisterRingGauges(const ring::RingStore& rings) {
  RingGauge(rings, "varve_ring_metrics", "Metrics that have a ring.",
            [](const auto& t) { return static_cast<double>(t.metrics); });
  RingGauge(rings, "varve_ring_bytes", "Size of all rings when they are written all around.",
            [](const auto& t) { return static_cast<double>(t.ring_bytes); });
  RingGauge(rings, "varve_ring_slab_files", "Files that hold the rings.",
            [](const auto& t) { return static_cast<double>(t.slab_files); });
  RingGauge(rings, "varve_ring_samples_total", "Samples written to rings, stale ones left out.",
            [](const auto& t) { return static_cast<double>(t.samples); });
  RingGauge(rings, "varve_ring_stale_samples_total",
            "Samples dropped because their slot held a newer one.",
            [](const auto& t) { return static_cast<double>(t.stale_samples); });
  RingGauge(rings, "varve_ring_checkpoints_total", "Checkpoints of the rings.",
            [](const auto& t) { return static_cast<double>(t.checkpoints); });
  RingGauge(rings, "varve_ring_checkpoint_lsn", "Log sequence number of the last checkpoint.",
            [](const auto& t) { return static_cast<double>(t.checkpointed.value); });
}

}  // namespace varve
