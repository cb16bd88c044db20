// Shows the state of the write path, of the rings and of the background jobs in the telemetry.
#pragma once

#include "buffer/buffer.h"
#include "buffer/memory_budget.h"
#include "catalog/maintenance.h"
#include "catalog/table_upkeep.h"
#include "log/local_log.h"
#include "ring/ring_store.h"

namespace varve {

// The parts outlive the gauges: Telemetry::ClearGauges() comes before they go.
void RegisterGauges(const buffer::MemoryBudget& budget, const buffer::Buffer& buffer,
                    const log::LocalLog& log, const catalog::Maintenance& maintenance,
                    const catalog::TableUpkeep& upkeep);

void RegisterRingGauges(const ring::RingStore& rings);

}  // namespace varve
