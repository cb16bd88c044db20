#include "maintenance/upkeep.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "maintenance/expiry.h"
#include "maintenance/vacuum.h"

namespace varve::maintenance {
namespace {

// A long merge must not keep the retention of other tables waiting.
constexpr size_t kThreads = 2;
constexpr std::chrono::milliseconds kRetryAfter{60'000};

void LogError(const std::string& job, const Status& error) {
  if (SqlStateOf(error) == sqlstate::kQueryCanceled) return;  // The server stops.
  spdlog::warn("job {}: {}", job, MessageOf(error));
}

template <typename Report>
Result<std::string> Text(const Result<Report>& report) {
  if (!report.ok()) return report.status();
  return report->ToString();
}

}  // namespace

Upkeep::Upkeep(const UpkeepParts& parts, const catalog::Catalog& catalog,
               const UpkeepSettings& settings)
    : parts_(parts),
      catalog_(catalog),
      compactor_(parts, settings.compactor),
      runner_(parts.clock, LogError) {
  AddJob("compact", settings.compact_interval, &Upkeep::Compact);
  AddJob("expire", settings.expire_interval, &Upkeep::Expire);
  AddJob("vacuum", settings.vacuum_interval, &Upkeep::Vacuum);
}

Upkeep::~Upkeep() { Stop(); }

void Upkeep::AddJob(const char* name, std::chrono::milliseconds interval, OneTable what) {
  runner_.Add({.name = name,
               .interval = interval,
               .retry_after = kRetryAfter,
               .run = [this, what](flush::JobRunner::Trigger) { return ForEachTable(what); }});
}

void Upkeep::Start(const std::function<void()>& at_thread_start) {
  runner_.Start(kThreads, at_thread_start);
}

void Upkeep::Stop() {
  RequestStop();
  runner_.Stop();
}

Stopped Upkeep::OrStopping(const Stopped& stopped) const {
  return [this, &stopped] { return stopping_ || IsStopped(stopped); };
}

Result<std::string> Upkeep::Compact(const TableRef& table, const Stopped& stopped) {
  return Text(compactor_.Run(table, OrStopping(stopped)));
}

Result<std::string> Upkeep::Expire(const TableRef& table, const Stopped& stopped) {
  return Text(maintenance::Expire(parts_, table, OrStopping(stopped)));
}

Result<std::string> Upkeep::Vacuum(const TableRef& table, const Stopped& stopped) {
  return Text(maintenance::Vacuum(parts_, table, OrStopping(stopped)));
}

std::vector<catalog::JobInfo> Upkeep::Jobs() const {
  std::vector<catalog::JobInfo> jobs = runner_.Jobs();
  for (catalog::JobInfo& job : jobs) {
    if (job.name == "compact") job.doing = compactor_.doing();
  }
  return jobs;
}

Status Upkeep::ForEachTable(OneTable what) {
  Status first_error;
  const Stopped never;
  for (const TableRef& table : catalog_.ListWithParts()) {
    if (stopping_) return OkStatus();
    const Result<std::string> done = (this->*what)(table, never);
    // A table that was dropped meanwhile needs nothing.
    if (done.ok() || SqlStateOf(done.status()) == sqlstate::kUndefinedTable) continue;
    first_error.Update(Annotate(done.status(), table->name.ToString()));
  }
  return first_error;
}

}  // namespace varve::maintenance
