// Shows the state of the cache in the telemetry.
#pragma once

#include "cache/block_cache.h"

namespace varve {

// The cache outlives the gauges: Telemetry::ClearGauges() comes before it goes.
void RegisterCacheGauges(const cache::BlockCache& cache);

}  // namespace varve
