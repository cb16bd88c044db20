#include "base/telemetry.h"

#include <fmt/format.h>

#include <string_view>

namespace varve {
namespace {

constexpr std::string_view kTotal = "_total";

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

std::string Telemetry::PrometheusText() const { return Text(false); }

std::string Telemetry::OpenMetricsText() const { return Text(true) + "# EOF\n"; }

std::string Telemetry::Text(bool is_open_metrics) const {
  // Gauge functions run under the lock so that ClearGauges() knows that none is running; they read
  // numbers and take leaf locks only.
  MutexLock lock(mu_);
  std::string out;
  for (const auto& [name, family] : families_) {
    if (family.counters.empty() && family.gauges.empty()) continue;
    const bool is_counter = name.ends_with(kTotal);
    std::string_view title = name;
    if (is_counter && is_open_metrics) title.remove_suffix(kTotal.size());
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", title, family.help,
                       is_counter ? "counter" : "gauge");
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
