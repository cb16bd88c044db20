// Says where in its input an error was met, as PostgreSQL's CONTEXT field does.
//
// Role:     ingest (COPY's line and column), server/pg (a bound parameter) -> error report.
// Threads:  no shared state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve {

// Adds one line; contexts go from the inside to the outside.
Status WithContext(Status status, std::string_view context);
std::optional<std::string> ContextOf(const Status& status);

}  // namespace varve
