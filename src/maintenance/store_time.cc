#include "maintenance/store_time.h"

#include <algorithm>

#include "base/uuid.h"

namespace varve::maintenance {

Result<int64_t> EarlierTime(const UpkeepParts& parts, const TableDef& table) {
  const std::string probe =
      fmt::format("{}/.varve-clock-{}", table.location, Uuid::MakeV4().ToString());
  VARVE_RETURN_IF_ERROR(parts.store.Put(probe, "what time is it?"));
  const Result<io::ObjectInfo> info = parts.store.Head(probe);
  parts.store.Delete(probe).IgnoreError();
  VARVE_RETURN_IF_ERROR(info.status());
  // It says whole seconds, rounded down.
  return std::min(parts.clock.NowUs(), info->modified_us + 1'000'000);
}

}  // namespace varve::maintenance
