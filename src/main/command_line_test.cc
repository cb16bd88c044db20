#include "main/command_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace varve {
namespace {

Result<Command> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "varve");
  return ParseCommandLine(static_cast<int>(words.size()), words.data());
}

TEST(CommandLineTest, ServeTakesEveryOptionOfTheRegistry) {
  const Result<Command> command =
      Parse({"serve", "--pg-port", "0", "--log-sync=interval:5", "--data-dir", "/tmp/x"});
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->kind, CommandKind::kServe);
  EXPECT_EQ(command->options.at("pg-port"), "0");
  EXPECT_EQ(command->options.at("log-sync"), "interval:5");
  EXPECT_EQ(command->options.count("http-port"), 0u);  // Untouched: another source decides.
}

TEST(CommandLineTest, ASwitchNamedAloneIsOn) {
  const Result<Command> alone = Parse({"serve", "--collect-host", "--pg-port", "0"});
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->options.at("collect-host"), "true");
  EXPECT_EQ(alone->options.at("pg-port"), "0");
  EXPECT_EQ(Parse({"serve", "--collect-host"})->options.at("collect-host"), "true");
  EXPECT_EQ(Parse({"serve", "--collect-host", "false"})->options.at("collect-host"), "false");
  EXPECT_EQ(Parse({"serve", "--collect-host=false"})->options.at("collect-host"), "false");
  EXPECT_EQ(Parse({"serve"})->options.count("collect-host"), 0u);
}

TEST(CommandLineTest, SubCommands) {
  EXPECT_EQ(Parse({"config"})->kind, CommandKind::kConfigShow);
  EXPECT_EQ(Parse({"config", "--check", "--pg-port", "1"})->kind, CommandKind::kConfigCheck);
  EXPECT_EQ(Parse({"config", "--docs"})->kind, CommandKind::kConfigDocs);
  EXPECT_EQ(Parse({"log", "inspect", "d"})->directory, "d");
  EXPECT_EQ(Parse({"log", "verify", "d"})->kind, CommandKind::kLogVerify);
  EXPECT_EQ(Parse({"version"})->text, VersionText());
  EXPECT_NE(Parse({"serve", "--help"})->text.find("--pg-port"), std::string::npos);
  EXPECT_NE(Parse({"--help"})->text.find("serve"), std::string::npos);
}

TEST(CommandLineTest, MistakesAreOneLine) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{},
                                             {"srve"},
                                             {"serve", "--pg-prot", "1"},
                                             {"serve", "--pg-port"},
                                             {"serve", "extra"},
                                             {"log"},
                                             {"log", "verify"},
                                             {"config", "--check", "--docs"},
                                             {"serve", "--config", "/no/such/file"}}) {
    const Result<Command> command = Parse(words);
    ASSERT_FALSE(command.ok());
    EXPECT_EQ(MessageOf(command.status()).find('\n'), std::string_view::npos);
  }
}

TEST(CommandLineTest, MistakesNameTheHelpThatLists) {
  const auto message = [](std::vector<const char*> words) {
    return std::string(MessageOf(Parse(std::move(words)).status()));
  };
  EXPECT_NE(message({"serve", "--pg-prot", "1"}).find("`varve serve --help`"), std::string::npos);
  EXPECT_NE(message({"log", "verify"}).find("`varve log verify --help`"), std::string::npos);
  EXPECT_NE(message({"srve"}).find("`varve --help`"), std::string::npos);
}

}  // namespace
}  // namespace varve
