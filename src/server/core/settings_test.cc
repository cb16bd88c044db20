#include "server/core/settings.h"

#include <gtest/gtest.h>

#include "server/core/setting_definitions.h"

namespace varve::server {
namespace {

std::string CodeOf(const Status& status) { return SqlStateOf(status); }

TEST(SettingsTest, NamesAreFoundInAnyCaseAndShownInPostgresSpelling) {
  Settings settings;
  ASSERT_TRUE(settings.Set("timezone", "Europe/Berlin", false).ok());
  EXPECT_EQ(settings.Show("TIMEZONE").value(), "Europe/Berlin");
  EXPECT_EQ(settings.DisplayName("timezone"), "TimeZone");
  EXPECT_EQ(CodeOf(settings.Show("work_mem").status()), "42704");
  EXPECT_EQ(CodeOf(settings.Set("work_mem", "1MB", false)), "42704");
}

TEST(SettingsTest, ValuesAreChecked) {
  Settings settings;
  EXPECT_EQ(CodeOf(settings.Set("TimeZone", "Mars/Olympus", false)), "22023");
  EXPECT_EQ(CodeOf(settings.Set("statement_timeout", "soon", false)), "22023");
  EXPECT_EQ(CodeOf(settings.Set("statement_timeout", "-1", false)), "22023");
  EXPECT_EQ(CodeOf(settings.Set("extra_float_digits", "4", false)), "22023");
  EXPECT_EQ(CodeOf(settings.Set("server_version", "16", false)), "55P02");
  EXPECT_EQ(CodeOf(settings.Set("client_encoding", "LATIN1", false)), "0A000");
  EXPECT_EQ(CodeOf(settings.Set("client_encoding", "nonsense", false)), "22023");
  EXPECT_EQ(CodeOf(settings.Set("DateStyle", "German", false)), "0A000");
  EXPECT_EQ(CodeOf(settings.Set("transaction_isolation", "serializable", false)), "0A000");
  EXPECT_EQ(CodeOf(settings.Set("transaction_isolation", "chaos", false)), "22023");
  EXPECT_EQ(CodeOf(settings.Set("standard_conforming_strings", "off", false)), "0A000");
  EXPECT_EQ(settings.Show("TimeZone").value(), "UTC");
}

TEST(SettingsTest, ValuesAreKeptInOneForm) {
  Settings settings;
  ASSERT_TRUE(settings.Set("statement_timeout", "60000", false).ok());
  EXPECT_EQ(settings.Show("statement_timeout").value(), "1min");
  EXPECT_EQ(settings.statement_timeout_ms(), 60'000);
  ASSERT_TRUE(settings.Set("statement_timeout", "1500ms", false).ok());
  EXPECT_EQ(settings.Show("statement_timeout").value(), "1500ms");
  ASSERT_TRUE(settings.Set("client_encoding", "utf-8", false).ok());
  EXPECT_EQ(settings.Show("client_encoding").value(), "UTF8");
  ASSERT_TRUE(settings.Set("default_transaction_read_only", "TRUE", false).ok());
  EXPECT_EQ(settings.Show("default_transaction_read_only").value(), "on");
  ASSERT_TRUE(settings.Set("DateStyle", "iso", false).ok());
  EXPECT_EQ(settings.Show("DateStyle").value(), "ISO, MDY");
}

TEST(SettingsTest, RollbackUndoesSetAndCommitKeepsIt) {
  Settings settings;
  settings.BeginTransaction();
  ASSERT_TRUE(settings.Set("application_name", "one", false).ok());
  settings.EndTransaction(/*committed=*/false);
  EXPECT_EQ(settings.Show("application_name").value(), "");
  settings.BeginTransaction();
  ASSERT_TRUE(settings.Set("application_name", "two", false).ok());
  settings.EndTransaction(/*committed=*/true);
  EXPECT_EQ(settings.Show("application_name").value(), "two");
}

TEST(SettingsTest, LocalValuesEndWithTheTransaction) {
  Settings settings;
  settings.BeginTransaction();
  ASSERT_TRUE(settings.Set("TimeZone", "Asia/Tokyo", false).ok());
  ASSERT_TRUE(settings.Set("TimeZone", "Asia/Kolkata", true).ok());
  EXPECT_EQ(settings.Show("TimeZone").value(), "Asia/Kolkata");
  settings.EndTransaction(/*committed=*/true);
  EXPECT_EQ(settings.Show("TimeZone").value(), "Asia/Tokyo");
  ASSERT_TRUE(settings.Set("TimeZone", "Asia/Kolkata", true).ok());  // Outside: nothing.
  EXPECT_EQ(settings.Show("TimeZone").value(), "Asia/Tokyo");
}

TEST(SettingsTest, ReadOnlyIsPerTransaction) {
  Settings settings;
  ASSERT_TRUE(settings.Set("default_transaction_read_only", "on", false).ok());
  settings.BeginTransaction();
  EXPECT_TRUE(settings.transaction_read_only());
  ASSERT_TRUE(settings.Set("transaction_read_only", "off", false).ok());
  EXPECT_FALSE(settings.transaction_read_only());
  settings.EndTransaction(true);
  settings.BeginTransaction();
  EXPECT_TRUE(settings.transaction_read_only());
}

TEST(SettingsTest, ResetGoesBackToTheStartUpValue) {
  Settings settings;
  ASSERT_TRUE(settings.SetDefault("application_name", "psql").ok());
  ASSERT_TRUE(settings.Set("application_name", "x", false).ok());
  ASSERT_TRUE(settings.Set("app.user", "y", false).ok());
  EXPECT_EQ(settings.Show("app.user").value(), "y");
  ASSERT_TRUE(settings.Set("application_name", std::nullopt, false).ok());
  EXPECT_EQ(settings.Show("application_name").value(), "psql");
  settings.ResetAll();
  EXPECT_EQ(CodeOf(settings.Show("app.user").status()), "42704");
}

TEST(SettingsTest, ChangesAreReportedOnce) {
  Settings settings;
  settings.TakeChanges();
  ASSERT_TRUE(settings.Set("TimeZone", "Asia/Tokyo", false).ok());
  ASSERT_TRUE(settings.Set("TimeZone", "Asia/Tokyo", false).ok());
  const auto changes = settings.TakeChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].name, "TimeZone");
  EXPECT_TRUE(Settings::IsReported("TimeZone"));
  EXPECT_FALSE(Settings::IsReported("statement_timeout"));
}

TEST(SettingsTest, CustomSettingsAreBounded) {
  Settings settings;
  for (size_t i = 0; i < kCustomSettingsMax; ++i) {
    ASSERT_TRUE(settings.Set("app.s" + std::to_string(i), "x", false).ok());
  }
  EXPECT_EQ(CodeOf(settings.Set("app.more", "x", false)), "53400");
}

// Each default must be a value that the setting itself accepts, or RESET would store a bad one.
TEST(SettingsTest, EveryDefaultIsAccepted) {
  for (const SettingDefinition& setting : AllSettings()) {
    if (setting.kind == SettingKind::kFixed) continue;
    const auto value = CanonicalValue(setting, setting.initial);
    ASSERT_TRUE(value.ok()) << setting.name << ": " << value.status();
    EXPECT_EQ(*value, setting.initial) << setting.name;
  }
}

TEST(SettingsTest, Durations) {
  EXPECT_EQ(ParseDurationMs("250"), 250);
  EXPECT_EQ(ParseDurationMs(" 2 min "), 120'000);
  EXPECT_EQ(ParseDurationMs("1.5s"), 1'500);
  EXPECT_EQ(ParseDurationMs("3 fortnights"), std::nullopt);
  EXPECT_EQ(ParseDurationMs(""), std::nullopt);
}

}  // namespace
}  // namespace varve::server
