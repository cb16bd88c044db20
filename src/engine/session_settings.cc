#include "engine/session_settings.h"

#include <charconv>
#include <map>

#include "engine/database.h"
#include "engine/session_facts.h"
#include "engine/session_state.h"

namespace varve::engine {

using duckdb::StringUtil;

namespace {

constexpr const char* kDefaultSearchPath = "\"$user\", public";

bool Is(std::string_view name, const char* known) {
  return StringUtil::CIEquals(std::string(name), known);
}

// Splits a search_path: names are folded to lower case unless quoted.
Result<std::vector<std::string>> SplitNames(std::string_view text) {
  std::vector<std::string> names;
  std::string current;
  bool quoted = false;
  bool was_quoted = false;
  const auto finish = [&] {
    if (!was_quoted) StringUtil::Trim(current);
    if (!current.empty()) names.push_back(was_quoted ? current : StringUtil::Lower(current));
    current.clear();
    was_quoted = false;
  };
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (c == '"' || (c == '\'' && !quoted)) {
      if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
        current.push_back(text[++i]);
      } else if (c == '"') {
        if (!quoted) StringUtil::Trim(current);
        quoted = !quoted;
        was_quoted = true;
      }
    } else if (c == ',' && !quoted) {
      finish();
    } else if (quoted || !was_quoted || c != ' ') {
      current.push_back(c);
    }
  }
  if (quoted) {
    return SqlErrorf(sqlstate::kInvalidParameterValue,
                     "invalid value for parameter \"search_path\": \"{}\"", text);
  }
  finish();
  return names;
}

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr Unit kUnits[] = {{"", 1},        {"ms", 1},        {"s", 1000},
                           {"min", 60000}, {"h", 3'600'000}, {"d", 86'400'000}};

}  // namespace

bool SessionSettings::IsKnown(std::string_view name) {
  return Is(name, "timezone") || Is(name, "search_path") || Is(name, "statement_timeout");
}

Status SessionSettings::Set(duckdb::Connection& connection, std::string_view name,
                            std::string_view value) {
  if (Is(name, "timezone")) return SetTimeZone(connection, value);
  if (Is(name, "search_path")) return SetSearchPath(connection, value);
  if (Is(name, "statement_timeout")) return SetTimeout(value);
  return SqlErrorf(sqlstate::kUndefinedObject, "unrecognized configuration parameter \"{}\"", name);
}

Status SessionSettings::Reset(duckdb::Connection& connection, std::string_view name) {
  if (Is(name, "timezone")) return SetTimeZone(connection, "UTC");
  if (Is(name, "search_path")) return SetSearchPath(connection, kDefaultSearchPath);
  if (Is(name, "statement_timeout")) {
    timeout_ms_ = default_timeout_ms_;
    return OkStatus();
  }
  return SqlErrorf(sqlstate::kUndefinedObject, "unrecognized configuration parameter \"{}\"", name);
}

Result<std::string> SessionSettings::Get(std::string_view name) const {
  if (Is(name, "timezone")) return time_zone_;
  if (Is(name, "search_path")) return search_path_;
  if (Is(name, "statement_timeout")) {
    if (timeout_ms_ == 0) return "0";
    if (timeout_ms_ % 60000 == 0) return fmt::format("{}min", timeout_ms_ / 60000);
    if (timeout_ms_ % 1000 == 0) return fmt::format("{}s", timeout_ms_ / 1000);
    return fmt::format("{}ms", timeout_ms_);
  }
  return SqlErrorf(sqlstate::kUndefinedObject, "unrecognized configuration parameter \"{}\"", name);
}

std::optional<std::string> SessionSettings::Shown(const std::string& name) const {
  if (IsKnown(name)) return *Get(name);
  static const std::map<std::string, std::string> kFixed = {
      {"server_version", kServerVersion},
      {"server_version_num", "150000"},
      {"server_encoding", "UTF8"},
      {"client_encoding", "UTF8"},
      {"datestyle", "ISO, MDY"},
      {"intervalstyle", "postgres"},
      {"integer_datetimes", "on"},
      {"standard_conforming_strings", "on"},
      {"max_identifier_length", "63"},
      {"is_superuser", "off"},
      {"transaction_isolation", "read committed"},
      {"default_transaction_isolation", "read committed"},
      {"transaction_read_only", "off"},
      {"default_transaction_read_only", "off"}};
  const auto found = kFixed.find(StringUtil::Lower(name));
  return found == kFixed.end() ? std::nullopt : std::optional(found->second);
}

Status SessionSettings::Apply(duckdb::Connection& connection) const {
  SessionSettings copy = *this;
  if (search_path_ == kDefaultSearchPath) {
    VARVE_RETURN_IF_ERROR(RunInternal(connection, "SET search_path = 'public'").status());
  } else {
    VARVE_RETURN_IF_ERROR(copy.SetSearchPath(connection, search_path_));
  }
  return time_zone_ == "UTC" ? OkStatus() : copy.SetTimeZone(connection, time_zone_);
}

Status SessionSettings::SetTimeZone(duckdb::Connection& connection, std::string_view value) {
  const std::string zone = Is(value, "default") ? "UTC" : std::string(value);
  const auto done = RunInternal(connection, "SET TimeZone = " + SqlLiteral(zone));
  if (!done.ok()) {
    return SqlErrorf(sqlstate::kInvalidParameterValue,
                     "invalid value for parameter \"TimeZone\": \"{}\"", value);
  }
  time_zone_ = zone;
  return OkStatus();
}

Status SessionSettings::SetSearchPath(duckdb::Connection& connection, std::string_view value) {
  VARVE_ASSIGN_OR_RETURN(const auto names, SplitNames(value));
  for (const auto& name : names) {
    // A name without a schema would mean the engine's own tables, past every check of names.
    if (!StringUtil::CIEquals(name, kInternalSchema)) continue;
    return SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for schema {}", name);
  }
  VARVE_ASSIGN_OR_RETURN(
      auto rows, RunInternal(connection,
                             "SELECT schema_name FROM duckdb_schemas() WHERE database_name = "
                             "'meta'"));
  std::vector<std::string> existing;
  for (const auto& name : names) {
    for (duckdb::idx_t i = 0; i < rows->RowCount(); i++) {
      if (rows->GetValue(0, i).ToString() == name) existing.push_back(name);
    }
  }
  // DuckDB refuses a path without any schema; an empty path of PostgreSQL finds nothing
  // unqualified.
  std::string path;
  for (const auto& name : existing) path += (path.empty() ? "" : ",") + SqlName(name);
  if (path.empty()) path = "public";
  VARVE_RETURN_IF_ERROR(RunInternal(connection, "SET search_path = " + SqlLiteral(path)).status());
  search_path_ = std::string(value);
  schemas_ = existing.empty() ? std::vector<std::string>{"public"} : std::move(existing);
  return OkStatus();
}

Status SessionSettings::SetTimeout(std::string_view value) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  std::string unit(end, value.data() + value.size() - end);
  StringUtil::Trim(unit);
  if (error == std::errc() && number >= 0) {
    for (const auto& known : kUnits) {
      if (unit == known.name && number <= INT32_MAX) {
        timeout_ms_ = number * known.ms;
        return OkStatus();
      }
    }
  }
  return SqlErrorf(sqlstate::kInvalidParameterValue,
                   "invalid value for parameter \"statement_timeout\": \"{}\"", value);
}

}  // namespace varve::engine
