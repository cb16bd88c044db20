#include "base/telemetry.h"

#include <fmt/format.h>

namespace varve {
namespace {

std::string Series(const std::string& name, const std::string& labels) {
  return labels.empty() ? name : fmt::format("{}{{{}}}", name, labels);
}

void PrintHistogram(const std::string& name, const DurationHistogram& histogram, std::string& out) {
  uint64_t cumulative = 0;
  for (int i = 0; i < DurationHistogram::kBuckets; ++i) {
    cumulative += histogram.bucket(i);
    const double bound_s = static_cast<double>(DurationHistogram::UpperBoundUs(i)) / 1e6;
    out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, bound_s, cumulative);
  }
  out += fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name,
                     histogram.count(), static_cast<double>(histogram.sum_us()) / 1e6);
}

}  // namespace

void DurationHistogram::Observe(int64_t micros) {
  for (int i = 0; i < kBuckets; ++i) {
    if (micros <= UpperBoundUs(i)) {
      buckets_[i].fetch_add(1, std::memory_order_relaxed);
      break;
    }
  }
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(micros, std::memory_order_relaxed);
}

Telemetry& Telemetry::Get() {
  static Telemetry telemetry;
  return telemetry;
}

Counter& Telemetry::GetCounter(const std::string& name, const std::string& help,
                               const std::string& labels) {
  MutexLock lock(mu_);
  Family& family = families_[name];
  family.help = help;
  std::unique_ptr<Counter>& counter = family.counters[labels];
  if (!counter) counter = std::make_unique<Counter>();
  return *counter;
}

DurationHistogram& Telemetry::GetHistogram(const std::string& name, const std::string& help) {
  MutexLock lock(mu_);
  Family& family = families_[name];
  family.help = help;
  if (!family.histogram) family.histogram = std::make_unique<DurationHistogram>();
  return *family.histogram;
}

void Telemetry::SetGauge(const std::string& name, const std::string& help,
                         std::function<double()> read, const std::string& labels) {
  MutexLock lock(mu_);
  Family& family = families_[name];
  family.help = help;
  family.gauges[labels] = std::move(read);
}

void Telemetry::ClearGauges() {
  MutexLock lock(mu_);
  for (auto& [name, family] : families_) family.gauges.clear();
}

std::string Telemetry::PrometheusText() const {
  // Gauge functions run under the lock so that ClearGauges() knows that none is running; they read
  // numbers and take leaf locks only.
  MutexLock lock(mu_);
  std::string out;
  for (const auto& [name, family] : families_) {
    if (family.counters.empty() && family.gauges.empty() && !family.histogram) continue;
    const char* type = family.histogram           ? "histogram"
                       : name.ends_with("_total") ? "counter"
                                                  : "gauge";
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, family.help, type);
    for (const auto& [labels, counter] : family.counters) {
      out += fmt::format("{} {}\n", Series(name, labels), counter->value());
    }
    for (const auto& [labels, read] : family.gauges) {
      out += fmt::format("{} {}\n", Series(name, labels), read());
    }
    if (family.histogram) PrintHistogram(name, *family.histogram, out);
  }
  return out;
}

}  // namespace varve
