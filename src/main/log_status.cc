#include "main/log_status.h"

namespace varve {
namespace {

std::string SyncText(const config::LogSync& sync) {
  switch (sync.mode) {
    case config::LogSync::Mode::kAlways:
      return "always";
    case config::LogSync::Mode::kInterval:
      return fmt::format("interval:{}", sync.interval.count());
    case config::LogSync::Mode::kOff:
      return "off";
  }
  return "unknown";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> LogStatus(const log::LocalLog& log,
                                                           const log::LocalLogOptions& options) {
  const log::LogTelemetry now = log.telemetry();
  const log::RecoveryReport& recovery = log.recovery();
  std::vector<std::pair<std::string, std::string>> rows;
  const auto add = [&rows](const char* name, uint64_t value) {
    rows.emplace_back(name, std::to_string(value));
  };
  rows.emplace_back("folder", options.dir);
  rows.emplace_back("sync", SyncText(options.sync));
  add("max_bytes", options.max_bytes);
  add("disk_bytes", now.disk_bytes);
  add("segments", now.segments);
  add("acknowledged_lsn", now.acknowledged.value);
  add("synced_lsn", now.synced.value);
  add("transactions", now.transactions);
  add("records", now.records);
  add("rejected_full", now.rejected_full);
  add("written_bytes", now.written_bytes);
  add("groups", now.groups);
  add("group_transactions_max", now.group_transactions_max);
  add("syncs", now.syncs);
  add("last_sync_us", now.last_sync_us);
  add("queue_bytes", now.queue_bytes);
  add("blocked_commits", now.blocked_commits);
  add("replayed_transactions", recovery.transactions);
  add("replayed_records", recovery.records);
  add("torn_tail_bytes", recovery.torn_tail ? recovery.torn_tail->bytes : 0);
  return rows;
}

}  // namespace varve
