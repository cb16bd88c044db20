// Keeps the tables of the lake in shape: on a schedule, and when SQL asks for it.
//
// Role:     Catalog, JobRunner; engine (varve.compact, expire, vacuum, jobs) -> [Upkeep] ->
//           Compactor, Expire, Vacuum. Jobs: "compact", "expire", "vacuum".
// Limits:   one table at a time per job; the threads of its runner, which are not the flush's.
// Errors:   of one table: the others go on, the first error is the job's.
// Threads:  safe after Start. What runs ends at its next step after RequestStop; the longest is
//           compressing one row group.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/table_upkeep.h"
#include "flush/job_runner.h"
#include "maintenance/compactor.h"
#include "maintenance/upkeep_parts.h"

namespace varve::maintenance {

struct UpkeepSettings {
  CompactorSettings compactor;
  // 0: only when asked.
  std::chrono::milliseconds compact_interval{0};
  std::chrono::milliseconds expire_interval{0};
  std::chrono::milliseconds vacuum_interval{0};
};

class Upkeep : public catalog::TableUpkeep {
 public:
  Upkeep(const UpkeepParts& parts, const catalog::Catalog& catalog, const UpkeepSettings& settings);
  ~Upkeep() override;

  // `at_thread_start` is called on each thread that jobs run on; it may be empty.
  void Start(const std::function<void()>& at_thread_start);
  // No step of any job begins after this; Stop waits for those that run.
  void RequestStop() { stopping_ = true; }
  void Stop();

  Result<std::string> Compact(const TableRef& table, const Stopped& stopped) override;
  Result<std::string> Expire(const TableRef& table, const Stopped& stopped) override;
  Result<std::string> Vacuum(const TableRef& table, const Stopped& stopped) override;
  std::vector<catalog::JobInfo> Jobs() const override;

 private:
  using OneTable = Result<std::string> (Upkeep::*)(const TableRef&, const Stopped&);
  Status ForEachTable(OneTable what);
  void AddJob(const char* name, std::chrono::milliseconds interval, OneTable what);
  Stopped OrStopping(const Stopped& stopped) const;

  const UpkeepParts parts_;
  const catalog::Catalog& catalog_;
  Compactor compactor_;
  std::atomic<bool> stopping_{false};
  flush::JobRunner runner_;
};

}  // namespace varve::maintenance
