// Shows the state of the write path in the telemetry.
#pragma once

#include "buffer/memory_budget.h"
#include "flush/job_runner.h"
#include "log/local_log.h"

namespace varve {

// The parts outlive the gauges: Telemetry::ClearGauges() comes before they go.
void RegisterGauges(const buffer::MemoryBudget& budget, const log::LocalLog& log,
                    const flush::JobRunner& runner);

}  // namespace varve
