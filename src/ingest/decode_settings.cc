#include "ingest/decode_settings.h"

#include <absl/strings/string_view.h>

#include <algorithm>
#include <string>

#include "ingest/ascii.h"
#include "ingest/number_text.h"

namespace varve::ingest {
namespace {

// A status code that no SQL error has, so that the two cannot be taken for each other.
constexpr StatusCode kNotDecodableCode = StatusCode::kAborted;

// The loader takes paths as well; only names of the zone database may reach it.
bool IsZoneName(std::string_view name) {
  if (name.empty() || name.size() > 64 || !IsAlpha(name.front())) return false;
  if (EqualsIgnoreCase(name, "localtime")) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return IsAlpha(c) || IsDigit(c) || c == '/' || c == '_' || c == '+' || c == '-';
  });
}

}  // namespace

Result<absl::TimeZone> FindTimeZone(std::string_view name) {
  if (EqualsIgnoreCase(name, "utc") || EqualsIgnoreCase(name, "gmt") ||
      EqualsIgnoreCase(name, "z") || EqualsIgnoreCase(name, "etc/utc")) {
    return absl::UTCTimeZone();
  }
  int32_t hours = 0;
  if (ReadInteger(name, hours) == NumberOutcome::kOk && hours >= -15 && hours <= 15) {
    return hours == 0 ? absl::UTCTimeZone() : absl::FixedTimeZone(hours * 3600);
  }
  absl::TimeZone zone;
  if (IsZoneName(name) && absl::LoadTimeZone({name.data(), name.size()}, &zone)) return zone;
  return SqlErrorf(sqlstate::kInvalidParameterValue,
                   "invalid value for parameter \"TimeZone\": \"{}\"", name);
}

Status NotDecodable(std::string_view what) {
  return Status(kNotDecodableCode, absl::string_view(what.data(), what.size()));
}

bool IsNotDecodable(const Status& status) { return status.code() == kNotDecodableCode; }

}  // namespace varve::ingest
