#include "engine/ring_metrics.h"

#include <algorithm>

#include "engine/engine_core.h"
#include "engine/session_state.h"

namespace varve::engine {

using ring::MetricId;
using ring::MetricRef;

namespace {

// Ids this close together are looked up one by one instead of listing every metric.
constexpr int64_t kIdsLookedUp = 4096;

bool Has(const WholeNumbers& ids, MetricId id) {
  const int64_t value = id.value;
  if (value < ids.low || value > ids.high) return false;
  return !ids.only || std::binary_search(ids.only->begin(), ids.only->end(), value);
}

}  // namespace

RingView::RingView(duckdb::ClientContext& context, const duckdb::TableFunctionInfo& info)
    : rings(static_cast<const RingInfo&>(info).core.parts.rings) {
  ids.low = 1;
  ids.high = UINT32_MAX;
  const auto session = SessionState::Of(context);
  if (!session || !session->ring_scope) return;
  const RingScope& scope = *session->ring_scope;
  WholeNumbers seen;
  seen.only.emplace();
  for (const MetricId id : scope.metrics) seen.only->push_back(id.value);
  std::sort(seen.only->begin(), seen.only->end());
  seen.only->erase(std::unique(seen.only->begin(), seen.only->end()), seen.only->end());
  ids.Intersect(seen);
  times.low = scope.range.start;
  times.high = scope.range.end;
}

size_t RingView::metrics_total() const {
  if (rings == nullptr) return 0;
  return ids.only ? ids.only->size() : rings->telemetry().metrics;
}

std::vector<MetricRef> RingView::Metrics(const WholeNumbers& wanted) const {
  std::vector<MetricRef> metrics;
  if (rings == nullptr) return metrics;
  const auto add = [&](int64_t id) {
    auto metric = rings->Find(MetricId(static_cast<uint32_t>(id)));
    if (metric) metrics.push_back(std::move(metric));
  };
  WholeNumbers both = ids;
  both.Intersect(wanted);
  if (both.only) {
    for (const int64_t id : *both.only) add(id);
  } else if (both.low <= both.high && both.high - both.low < kIdsLookedUp) {
    for (int64_t id = both.low; id <= both.high; id++) add(id);
  } else if (both.low <= both.high) {
    metrics = rings->All();
    std::erase_if(metrics, [&](const MetricRef& metric) { return !Has(both, metric->id); });
  }
  return metrics;
}

std::vector<MetricRef> RingView::Metrics(const ring::Selector& selector,
                                         const WholeNumbers& wanted) const {
  if (rings == nullptr) return {};
  WholeNumbers both = ids;
  both.Intersect(wanted);
  auto metrics = rings->Lookup(selector, SIZE_MAX);
  std::erase_if(metrics, [&](const MetricRef& metric) { return !Has(both, metric->id); });
  return metrics;
}

}  // namespace varve::engine
