// Tells a time by which nothing looks older than it is, whichever clock is wrong.
//
// Role:     vacuum (how old is an object, how long ago was a file taken out), expiry (is a row past
//           its retention) -> [EarlierTime].
// Threads:  safe; blocks on the store.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "maintenance/upkeep_parts.h"

namespace varve::maintenance {

// The earlier of our time and the store's, which is asked by an object that comes and goes in the
// table's folder. Microseconds UTC.
Result<int64_t> EarlierTime(const UpkeepParts& parts, const TableDef& table);

}  // namespace varve::maintenance
