// Holds one session's PostgreSQL run-time settings: SET, SHOW, RESET, and what they mean.
//
// Role:     SET/SHOW/RESET, start-up options -> [Settings] -> value text, time limits; changes that
//           a client must hear of go out as ParameterStatus.
// Limits:   custom settings ("app.name"): kCustomSettingsMax of them.
// Errors:   42704 unknown name, 22023 bad value, 55P02 a fixed one, 0A000 a value that PostgreSQL
//           takes and Varve cannot honour: a setting that is accepted does something.
// Threads:  single owner.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/core/value_text.h"

namespace varve::server {

inline constexpr size_t kCustomSettingsMax = 100;

struct SettingDefinition;

struct SettingChange {
  std::string name;  // as PostgreSQL spells it: "TimeZone"
  std::string value;
};

class Settings {
 public:
  Settings();

  // The default of this session, from the start-up packet or the server's options; RESET goes back
  // to it.
  Status SetDefault(std::string_view name, std::string_view value);
  // `value` nullopt: back to the default. `local`: until the end of the transaction.
  Status Set(std::string_view name, std::optional<std::string_view> value, bool local);
  void ResetAll();
  Result<std::string> Show(std::string_view name) const;
  // The spelling of the name that SHOW heads its column with.
  std::string DisplayName(std::string_view name) const;
  // Name, value and sentence of every setting, by name.
  struct Row {
    std::string name, value, description;
  };
  std::vector<Row> All() const;

  // SET is undone by ROLLBACK, SET LOCAL by COMMIT as well.
  void BeginTransaction();
  void EndTransaction(bool committed);

  // SAVEPOINT, and what ROLLBACK TO goes back to.
  class Snapshot {
    friend class Settings;
    std::map<std::string, std::string, std::less<>> values_;
    std::optional<std::map<std::string, std::string, std::less<>>> after_commit_;
  };
  Snapshot Save() const;
  void Restore(const Snapshot& snapshot);

  // All values that changed since the last call, in the order of change.
  std::vector<SettingChange> TakeChanges() { return std::exchange(changes_, {}); }
  // Whether a change of this name is sent as ParameterStatus.
  static bool IsReported(std::string_view name);
  // All that are reported, for the start of a connection.
  std::vector<SettingChange> Reported() const;

  // What the values mean.
  const TextStyle& text_style() const { return text_style_; }
  int64_t statement_timeout_ms() const { return DurationMs("statement_timeout"); }
  int64_t idle_session_timeout_ms() const { return DurationMs("idle_session_timeout"); }
  int64_t idle_in_transaction_timeout_ms() const {
    return DurationMs("idle_in_transaction_session_timeout");
  }
  bool transaction_read_only() const { return IsOn("transaction_read_only"); }
  bool WantsNotice(bool warning) const;

 private:
  using Values = std::map<std::string, std::string, std::less<>>;  // by lower-case name

  bool IsOn(std::string_view name) const;
  int64_t DurationMs(std::string_view name) const;
  Status Check(std::string_view name, std::string_view value, std::string* canonical) const;
  void Apply(const std::string& name, std::string value);
  void Replace(const Values& values);
  void RefreshTextStyle();

  Values defaults_;
  Values values_;
  // While a transaction runs: what ROLLBACK and COMMIT go back to.
  std::optional<Values> before_transaction_;
  std::optional<Values> after_commit_;
  TextStyle text_style_;
  std::vector<SettingChange> changes_;
};

}  // namespace varve::server
