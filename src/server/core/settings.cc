#include "server/core/settings.h"

#include <absl/strings/ascii.h>

#include <charconv>

#include "ingest/decode_settings.h"
#include "server/core/setting_definitions.h"

namespace varve::server {
namespace {

std::string LowerCase(std::string_view text) { return absl::AsciiStrToLower(std::string(text)); }

// "app.name": PostgreSQL keeps such a setting for whoever set it.
bool IsCustomName(std::string_view name) {
  const size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < name.size();
}

Status UnknownSetting(std::string_view name) {
  return SqlErrorf(sqlstate::kUndefinedObject, "unrecognized configuration parameter \"{}\"", name);
}

}  // namespace

Settings::Settings() {
  for (const SettingDefinition& setting : AllSettings()) {
    defaults_.emplace(LowerCase(setting.name), setting.initial);
  }
  values_ = defaults_;
}

Status Settings::Check(std::string_view name, std::string_view value,
                       std::string* canonical) const {
  const SettingDefinition* setting = FindSetting(name);
  if (setting == nullptr) {
    if (!IsCustomName(name)) return UnknownSetting(name);
    if (values_.size() >= AllSettings().size() + kCustomSettingsMax) {
      return SqlErrorf(sqlstate::kConfigurationLimitExceeded, "too many custom settings: {}",
                       kCustomSettingsMax);
    }
    *canonical = value;
    return OkStatus();
  }
  VARVE_ASSIGN_OR_RETURN(*canonical, CanonicalValue(*setting, value));
  return OkStatus();
}

Status Settings::SetDefault(std::string_view name, std::string_view value) {
  const SettingDefinition* setting = FindSetting(name);
  std::string canonical(value);
  // The session's own facts are fixed for the client, not for the server.
  if (setting == nullptr || setting->kind != SettingKind::kFixed) {
    VARVE_RETURN_IF_ERROR(Check(name, value, &canonical));
  }
  defaults_[LowerCase(name)] = canonical;
  Apply(LowerCase(name), std::move(canonical));
  return OkStatus();
}

Status Settings::Set(std::string_view name, std::optional<std::string_view> value, bool local) {
  const std::string key = LowerCase(name);
  std::string canonical;
  if (value) {
    VARVE_RETURN_IF_ERROR(Check(name, *value, &canonical));
  } else {
    const auto found = defaults_.find(key);
    if (found == defaults_.end() && !IsCustomName(name)) return UnknownSetting(name);
    if (found != defaults_.end()) canonical = found->second;
  }
  // Outside a transaction a local value would end with its own statement.
  if (local && !after_commit_) return OkStatus();
  if (!local && after_commit_) (*after_commit_)[key] = canonical;
  Apply(key, std::move(canonical));
  // Read-only is a property of this transaction only, whichever way it was set.
  if (key == "transaction_read_only" && after_commit_) (*after_commit_)[key] = "off";
  return OkStatus();
}

void Settings::ResetAll() {
  Values values = defaults_;
  values["transaction_read_only"] = values_["transaction_read_only"];
  if (after_commit_) *after_commit_ = values;
  Replace(values);
}

Result<std::string> Settings::Show(std::string_view name) const {
  const auto found = values_.find(LowerCase(name));
  if (found == values_.end()) return UnknownSetting(name);
  return found->second;
}

std::string Settings::DisplayName(std::string_view name) const {
  const SettingDefinition* setting = FindSetting(name);
  return std::string(setting == nullptr ? name : setting->name);
}

std::vector<Settings::Row> Settings::All() const {
  std::vector<Row> rows;
  for (const auto& [name, value] : values_) {
    const SettingDefinition* setting = FindSetting(name);
    rows.push_back(
        {DisplayName(name), value, std::string(setting == nullptr ? "" : setting->description)});
  }
  return rows;
}

void Settings::BeginTransaction() {
  if (before_transaction_) return;
  before_transaction_ = values_;
  after_commit_ = values_;
  Apply("transaction_read_only", values_["default_transaction_read_only"]);
}

void Settings::EndTransaction(bool committed) {
  if (!before_transaction_) return;
  const Values values = committed ? std::move(*after_commit_) : std::move(*before_transaction_);
  before_transaction_.reset();
  after_commit_.reset();
  Replace(values);
}

Settings::Snapshot Settings::Save() const {
  Snapshot snapshot;
  snapshot.values_ = values_;
  snapshot.after_commit_ = after_commit_;
  return snapshot;
}

void Settings::Restore(const Snapshot& snapshot) {
  after_commit_ = snapshot.after_commit_;
  Replace(snapshot.values_);
}

bool Settings::IsReported(std::string_view name) {
  const SettingDefinition* setting = FindSetting(name);
  return setting != nullptr && setting->reported;
}

std::vector<SettingChange> Settings::Reported() const {
  std::vector<SettingChange> reported;
  for (const SettingDefinition& setting : AllSettings()) {
    if (!setting.reported) continue;
    reported.push_back({std::string(setting.name), values_.find(LowerCase(setting.name))->second});
  }
  return reported;
}

void Settings::Apply(const std::string& name, std::string value) {
  std::string& kept = values_[name];
  if (kept == value) return;
  kept = std::move(value);
  changes_.push_back({DisplayName(name), kept});
  RefreshTextStyle();
}

void Settings::Replace(const Values& values) {
  for (const auto& [name, value] : values) Apply(name, value);
  std::erase_if(values_, [&](const auto& entry) { return !values.contains(entry.first); });
}

bool Settings::IsOn(std::string_view name) const { return values_.find(name)->second == "on"; }

int64_t Settings::DurationMs(std::string_view name) const {
  return ParseDurationMs(values_.find(name)->second).value_or(0);
}

bool Settings::WantsNotice(bool warning) const {
  const std::string& least = values_.find("client_min_messages")->second;
  if (least == "error") return false;
  return warning || least != "warning";
}

void Settings::RefreshTextStyle() {
  const auto zone = ingest::FindTimeZone(values_["timezone"]);
  text_style_.time_zone = zone.ok() ? *zone : absl::UTCTimeZone();
  const std::string& digits = values_["extra_float_digits"];
  std::from_chars(digits.data(), digits.data() + digits.size(), text_style_.extra_float_digits);
  text_style_.bytea_escape = values_["bytea_output"] == "escape";
}

}  // namespace varve::server
