// Reads the properties of a Delta table that say how long its past is kept.
//
// Role:     metaData configuration -> [ReadProperties] -> DeltaTable (checkpoints, log clean-up),
//           vacuum.
// Layout:   "interval 30 days", "interval 1 week", "interval 1 day 12 hours": numbers and units as
//           Spark reads them, from microseconds to weeks.
// Errors:   none: a value that cannot be read counts as the protocol's default.
// Threads:  pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace varve::lake {

struct TableProperties {
  int64_t log_retention_us = int64_t{30} * 24 * 3600 * 1'000'000;          // logRetentionDuration
  int64_t deleted_file_retention_us = int64_t{7} * 24 * 3600 * 1'000'000;  // deletedFileRetention..
  bool clean_log = true;             // enableExpiredLogCleanup
  int64_t checkpoint_interval = 10;  // commits
};

TableProperties ReadProperties(
    const std::map<std::string, std::string, std::less<>>& configuration);

// Microseconds; nullopt for anything else than such an interval, or one below zero.
std::optional<int64_t> ParseInterval(std::string_view text);

}  // namespace varve::lake
