#include "main/command_line.h"

#include <CLI/CLI.hpp>

#include "config/option_registry.h"
#include "engine/duckdb_version.h"

namespace varve {
namespace {

void AddOptions(CLI::App& app, Command& command) {
  app.add_option("--config", command.config_file, "YAML file of options")->check(CLI::ExistingFile);
  for (const config::OptionSpec& option : config::AllOptions()) {
    const std::string name(option.name);
    const bool is_switch = option.type == config::OptionType::kBool;
    CLI::Option* const added = app.add_option_function<std::string>(
        "--" + name,
        [&command, name, is_switch](const std::string& value) {
          command.options[name] = is_switch && value.empty() ? "true" : value;
        },
        std::string(option.sentence));
    if (is_switch) {
      // Named alone, it is on; a default text would be taken instead.
      added->type_name("[true|false]")->expected(0, 1);
    } else {
      added->type_name("VALUE")->default_str(std::string(option.default_text));
    }
  }
}

// CLI11 reports everything, help too, by exception; this is the only place that sees one.
Result<Command> Run(CLI::App& app, Command& command, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    // The help of the deepest sub-command that was named.
    const CLI::App* asked = &app;
    while (!asked->get_subcommands().empty()) asked = asked->get_subcommands().front();
    command.kind = CommandKind::kPrint;
    command.text = asked->help();
  } catch (const CLI::ParseError& error) {
    std::string line = error.what();
    line = line.substr(0, line.find('\n'));
    // The names of sub-commands are no options of theirs, but of their parent.
    const CLI::App* asked = &app;
    std::string words = "varve";
    while (!asked->get_subcommands().empty()) {
      asked = asked->get_subcommands().front();
      words += " " + asked->get_name();
    }
    return InvalidArgument("{}; `{} --help` shows what is accepted", line, words);
  }
  if (command.text.empty() && app.get_subcommands().empty()) {
    return InvalidArgument("no command given; `varve --help` shows what is accepted");
  }
  return std::move(command);
}

}  // namespace

std::string VersionText() {
  return fmt::format("varve {} (DuckDB {})\n", VARVE_VERSION, engine::kDuckDbVersion);
}

Result<Command> ParseCommandLine(int argc, const char* const* argv) {
  Command command;
  CLI::App app("Varve: a time-series database that speaks PostgreSQL", "varve");
  app.require_subcommand(0, 1);  // None is answered below: CLI11 would hide a misspelt one.

  CLI::App* serve = app.add_subcommand("serve", "Run the server");
  AddOptions(*serve, command);
  serve->callback([&] { command.kind = CommandKind::kServe; });

  CLI::App* config = app.add_subcommand("config", "Show the effective options and their source");
  AddOptions(*config, command);
  bool check = false;
  bool docs = false;
  CLI::Option* check_flag = config->add_flag("--check", check, "Only check them");
  config->add_flag("--docs", docs, "Print the reference table as Markdown")->excludes(check_flag);
  config->callback([&] {
    command.kind = docs    ? CommandKind::kConfigDocs
                   : check ? CommandKind::kConfigCheck
                           : CommandKind::kConfigShow;
  });

  CLI::App* log = app.add_subcommand("log", "Look into a log folder");
  log->require_subcommand(1);
  CLI::App* inspect = log->add_subcommand("inspect", "List segments and records");
  CLI::App* verify =
      log->add_subcommand("verify", "Check every record; exit 1 where it is damaged");
  inspect->add_option("DIR", command.directory, "The log folder")->required();
  verify->add_option("DIR", command.directory, "The log folder")->required();
  inspect->callback([&] { command.kind = CommandKind::kLogInspect; });
  verify->callback([&] { command.kind = CommandKind::kLogVerify; });

  app.add_subcommand("version", "Print the version")->callback([&] {
    command.kind = CommandKind::kPrint;
    command.text = VersionText();
  });
  return Run(app, command, argc, argv);
}

}  // namespace varve
