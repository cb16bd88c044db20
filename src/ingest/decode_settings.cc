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

bool LoadZone(const std::string& name, absl::TimeZone& zone) {
  return absl::LoadTimeZone(name, &zone);
}

// The zone database tells letters apart, PostgreSQL does not: "europe/berlin", "japan", "est5edt".
bool LoadZoneAnyCase(std::string name, absl::TimeZone& zone) {
  if (LoadZone(name, zone)) return true;
  bool word_start = true;
  for (char& c : name) {
    c = word_start && IsAlpha(c) ? static_cast<char>(c & ~0x20) : ToLower(c);
    word_start = !IsAlpha(c);
  }
  if (LoadZone(name, zone)) return true;
  for (char& c : name) {
    if (IsAlpha(c)) c = static_cast<char>(c & ~0x20);
  }
  return LoadZone(name, zone);
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
  if (IsZoneName(name) && LoadZoneAnyCase(std::string(name), zone)) return zone;
  return SqlErrorf(sqlstate::kInvalidParameterValue,
                   "invalid value for parameter \"TimeZone\": \"{}\"", name);
}

Status NotDecodable(std::string_view what) {
  return Status(kNotDecodableCode, absl::string_view(what.data(), what.size()));
}

bool IsNotDecodable(const Status& status) { return status.code() == kNotDecodableCode; }

}  // namespace varve::ingest
