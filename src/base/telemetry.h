// Counts what the server does and prints it in the text formats of Prometheus and OpenMetrics.
//
// Role:     every layer adds to counters; server/http prints them at /metrics.
// Units:    in the metric's name, as Prometheus asks: _total, _bytes, _seconds.
// Threads:  safe; adding is one relaxed atomic operation. Metrics live as long as the process.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace varve {

class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Telemetry {
 public:
  // The process-wide registry.
  static Telemetry& Get();

  // The metric of this name, made at the first call. `help` is one sentence. `labels` as they are
  // printed, for example `kind="insert"`, or empty.
  Counter& GetCounter(const std::string& name, const std::string& help,
                      const std::string& labels = "");
  // A value that is asked for when it is printed; a counter when the name ends in _total. Replaces
  // the one of that name and labels.
  void SetGauge(const std::string& name, const std::string& help, std::function<double()> read,
                const std::string& labels = "");
  // Forgets all gauges: their functions may refer to parts that are being stopped.
  void ClearGauges();

  // Prometheus' text format 0.0.4.
  std::string PrometheusText() const;
  // OpenMetrics 1.0: a counter's family is named without _total, and the text ends with # EOF.
  std::string OpenMetricsText() const;

 private:
  struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>> counters;  // by labels
    std::map<std::string, std::function<double()>> gauges;     // by labels
  };
  std::string Text(bool is_open_metrics) const;

  mutable Mutex mu_;
  std::map<std::string, Family> families_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve
