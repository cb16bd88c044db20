#include "base/telemetry.h"

#include <fmt/format.h>

namespace varve {
namespace {

std::string Series(const std::string& name, const std::string& labels) {
  return labels.empty() ? name : fmt::format("{}{{{}}}", name, labels);
}

}  // namespace

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
    if (family.counters.empty() && family.gauges.empty()) continue;
    const char* type = name.ends_with("_total") ? "counter" : "gauge";
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, family.help, type);
    for (const auto& [labels, counter] : family.counters) {
      out += fmt::format("{} {}\n", Series(name, labels), counter->value());
    }
    for (const auto& [labels, read] : family.gauges) {
      out += fmt::format("{} {}\n", Series(name, labels), read());
    }
  }
  return out;
}

}  // namespace varve
