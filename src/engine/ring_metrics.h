// Finds the metrics that a scan of rings has to look at.
//
// Role:     ring scans -> [RingView] -> ring::RingStore, within what the session may see.
// Threads:  safe; reads are the store's.
#pragma once

#include <duckdb.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/ring_bounds.h"
#include "engine/session.h"
#include "ring/ring_store.h"

namespace varve::engine {

struct EngineCore;

// Passed to the functions behind the tables of schema ring.
struct RingInfo : duckdb::TableFunctionInfo {
  explicit RingInfo(EngineCore& c) : core(c) {}
  EngineCore& core;
};

// What one statement sees of the rings. What it names is not read before the statement runs.
struct RingView {
  RingView(duckdb::ClientContext& context, const duckdb::TableFunctionInfo& info);

  // How many metrics there are to see.
  size_t metrics_total() const;
  // Those with these ids, ascending.
  std::vector<ring::MetricRef> Metrics(const WholeNumbers& ids) const;
  // Those that the selector takes and that have these ids, ascending.
  std::vector<ring::MetricRef> Metrics(const ring::Selector& selector,
                                       const WholeNumbers& ids) const;

  const ring::RingStore* rings = nullptr;  // nullptr: there are none
  // Every id and time unless the session has a scope.
  WholeNumbers ids;
  WholeNumbers times;
};

}  // namespace varve::engine
