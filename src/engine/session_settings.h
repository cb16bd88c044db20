// The settings of one session that change DuckDB's answers.
//
// Role:     SET, SHOW, RESET and the start-up packet -> [SessionSettings] -> the connection, again
//           after it was replaced.
// Errors:   42704 for a name that is not ours, 22023 for a bad value; nothing has changed then.
// Threads:  the session's thread.
#pragma once

#include <chrono>
#include <duckdb.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace varve::engine {

class SessionSettings {
 public:
  explicit SessionSettings(int64_t statement_timeout_ms)
      : default_timeout_ms_(statement_timeout_ms), timeout_ms_(statement_timeout_ms) {}

  static bool IsKnown(std::string_view name);

  // `connection` runs the engine's own SQL: its session state must say so.
  Status Set(duckdb::Connection& connection, std::string_view name, std::string_view value);
  Status Reset(duckdb::Connection& connection, std::string_view name);
  Result<std::string> Get(std::string_view name) const;
  // What current_setting() answers: also what never changes. nullopt for an unknown name.
  std::optional<std::string> Shown(const std::string& name) const;
  // Gives a new connection the settings of the old one.
  Status Apply(duckdb::Connection& connection) const;

  // Schemas that are searched, in order, without those that do not exist.
  const std::vector<std::string>& schemas() const { return schemas_; }
  std::chrono::milliseconds statement_timeout() const {
    return std::chrono::milliseconds(timeout_ms_);
  }

 private:
  Status SetTimeZone(duckdb::Connection& connection, std::string_view value);
  Status SetSearchPath(duckdb::Connection& connection, std::string_view value);
  Status SetTimeout(std::string_view value);

  std::string time_zone_ = "UTC";
  std::string search_path_ = "\"$user\", public";  // as the user wrote it
  std::vector<std::string> schemas_ = {"public"};
  int64_t default_timeout_ms_;
  int64_t timeout_ms_;
};

}  // namespace varve::engine
