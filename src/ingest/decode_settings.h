// Holds what the text of a value means beyond the text itself: the session's zone and clock.
//
// Units:    now is the start of the transaction, microseconds UTC: the value of 'now', 'today' and
//           of a DEFAULT now().
// Threads:  a value; copy it per statement.
#pragma once

#include <absl/time/time.h>

#include <string_view>

#include "base/status.h"
#include "model/ids.h"

namespace varve::ingest {

struct DecodeSettings {
  absl::TimeZone time_zone = absl::UTCTimeZone();
  TimestampUs now{0};
};

// The zone that SET TimeZone names: "UTC", "Europe/Berlin", "-7" (hours east). 22023 when there is
// none.
Result<absl::TimeZone> FindTimeZone(std::string_view name);

// "Not mine": the value is legal SQL that only the engine can evaluate. Never shown to a client by
// the INSERT path, which then gives the whole statement to the engine.
Status NotDecodable(std::string_view what);
bool IsNotDecodable(const Status& status);

}  // namespace varve::ingest
