#include "config/options.h"

#include <gtest/gtest.h>

#include "config/option_registry.h"

namespace varve::config {
namespace {

OptionInputs Inputs(std::map<std::string, std::string> environment = {}) {
  OptionInputs inputs;
  inputs.machine = {8ull << 30, 4};
  inputs.environment = [environment = std::move(environment)](
                           const std::string& name) -> std::optional<std::string> {
    const auto at = environment.find(name);
    if (at == environment.end()) return std::nullopt;
    return at->second;
  };
  return inputs;
}

TEST(OptionsTest, DefaultsFollowTheMachine) {
  const Result<Options> options = LoadOptions(Inputs());
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->Integer("pg-port"), 5432);
  EXPECT_EQ(options->Integer("buffer-max-memory-mb"), 2048);
  EXPECT_EQ(options->Integer("memory-limit-mb"), 4096);
  EXPECT_EQ(options->Integer("threads"), 4);
  EXPECT_EQ(options->Bytes("row-group-bytes"), 128 << 20);
}

TEST(OptionsTest, CommandLineBeatsEnvironmentBeatsFile) {
  OptionInputs inputs = Inputs({{"PGWIRE_PORT", "6000"}, {"PORT", "6001"}});
  inputs.file_text = "pg-port: 7000\nhttp-port: 7001\nlog-max-mb: 512\n";
  inputs.command_line = {{"pg-port", "5000"}};
  const Result<Options> options = LoadOptions(inputs);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->Integer("pg-port"), 5000);
  EXPECT_EQ(options->Integer("http-port"), 6001);
  EXPECT_EQ(options->Integer("log-max-mb"), 512);
  EXPECT_EQ(options->all().find("http-port")->second.source, OptionSource::kEnvironment);
}

TEST(OptionsTest, TheFirstAliasFoundWins) {
  const Result<Options> options = LoadOptions(Inputs({{"TIMEFUSION_MAX_CONNECTIONS", "7"}}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->Integer("max-connections"), 7);
}

TEST(OptionsTest, BadValuesAreNamedWithWhatIsAccepted) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"pg-port", "99999"},
                                                                      {"pg-port", "-1"},
                                                                      {"threads", "x"},
                                                                      {"threads", ""},
                                                                      {"connection-limit", "yes"},
                                                                      {"log-sync", "interval:0"},
                                                                      {"row-group-bytes", "12XB"},
                                                                      {"log-level", "loud"}}) {
    OptionInputs inputs = Inputs();
    inputs.command_line = {{name, value}};
    const Status status = LoadOptions(inputs).status();
    ASSERT_FALSE(status.ok()) << name << "=" << value;
    EXPECT_NE(MessageOf(status).find(name), std::string_view::npos) << status;
    EXPECT_NE(MessageOf(status).find("give "), std::string_view::npos) << status;
  }
}

TEST(OptionsTest, UnknownOptionsStopTheStart) {
  OptionInputs inputs = Inputs();
  inputs.file_text = "pg-prot: 1\n";
  EXPECT_NE(MessageOf(LoadOptions(inputs).status()).find("pg-prot"), std::string_view::npos);
  inputs.file_text = "[1, 2]";
  EXPECT_FALSE(LoadOptions(inputs).ok());
  inputs.file_text = "pg-port: [1";
  EXPECT_FALSE(LoadOptions(inputs).ok());
}

TEST(OptionsTest, WhatCannotBeHonouredIsRefusedAndSecretsAreNotPrinted) {
  for (const std::string name : {"grpc-token", "s3-secret-key"}) {
    OptionInputs inputs = Inputs();
    inputs.command_line = {{name, "hunter2"}};
    const Status status = LoadOptions(inputs).status();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(MessageOf(status).find("hunter2"), std::string_view::npos);
  }
}

// A shell that is set up for other tools has these; they must not stop Varve on a local folder.
TEST(OptionsTest, AmbientCloudVariablesAreIgnoredWithoutABucket) {
  std::map<std::string, std::string> ambient = {{"AWS_REGION", "eu-west-1"},
                                                {"AWS_ACCESS_KEY_ID", "x"},
                                                {"AWS_ALLOW_HTTP", "1"},
                                                {"AWS_PROFILE", "p"},
                                                {"AWS_S3_LOCKING_PROVIDER", "other"}};
  const Result<Options> local = LoadOptions(Inputs(ambient));
  ASSERT_TRUE(local.ok()) << local.status();
  EXPECT_EQ(local->Text("s3-region"), "us-east-1");
  ambient["AWS_S3_BUCKET"] = "b";
  EXPECT_FALSE(LoadOptions(Inputs(ambient)).ok()) << "now they count";
}

TEST(OptionsTest, ABucketTakesWhatBelongsToIt) {
  const std::map<std::string, std::string> ambient = {{"AWS_REGION", "eu-west-1"},
                                                      {"AWS_ENDPOINT_URL", "https://s"}};
  OptionInputs inputs = Inputs(ambient);
  inputs.command_line = {{"s3-bucket", "b"}, {"s3-region", "r"}, {"lock-provider", "single"}};
  const Result<Options> options = LoadOptions(inputs);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->Text("s3-region"), "r");
  EXPECT_EQ(options->Text("s3-endpoint"), "https://s");
  for (const std::string name : {"s3-region", "lock-provider"}) {
    inputs = Inputs();
    inputs.command_line = {{name, "single"}};
    const Status status = LoadOptions(inputs).status();
    EXPECT_NE(MessageOf(status).find("does nothing without s3-bucket"), std::string_view::npos)
        << status;
  }
}

// A project's bucket may be on a store without TLS while the server's own tables are in a folder.
TEST(OptionsTest, ProjectsBucketsNeedNoBucketOfTheServer) {
  OptionInputs inputs = Inputs();
  inputs.command_line = {{"s3-allow-http", "true"},         {"s3-ca-file", "/ca.pem"},
                         {"s3-addressing", "path"},         {"s3-retry-secs", "1"},
                         {"s3-connect-timeout-ms", "1000"}, {"s3-request-timeout-ms", "1000"}};
  const Result<Options> options = LoadOptions(inputs);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_TRUE(options->Bool("s3-allow-http"));
  EXPECT_EQ(options->Text("s3-ca-file"), "/ca.pem");
}

TEST(OptionRegistryTest, DefaultsPassTheirOwnChecks) {
  for (const OptionSpec& option : AllOptions()) {
    if (option.default_text.empty()) continue;
    EXPECT_TRUE(CheckValue(option, option.default_text).ok()) << option.name;
  }
}

TEST(OptionRegistryTest, TheReferenceTableNamesEveryOption) {
  const std::string table = OptionsAsMarkdown();
  for (const OptionSpec& option : AllOptions()) {
    EXPECT_NE(table.find(fmt::format("| {} |", option.name)), std::string::npos) << option.name;
  }
}

}  // namespace
}  // namespace varve::config
