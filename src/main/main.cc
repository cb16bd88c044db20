// The program: runs one command and says by its exit code how it went.
//
// Exit codes (the contract): 0 done; 1 failed at run time; 2 bad usage or configuration, in one
// line.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "config/option_registry.h"
#include "config/options.h"
#include "io/posix/posix_file_system.h"
#include "log/log_inspect.h"
#include "main/command_line.h"
#include "main/logging.h"
#include "main/server.h"

namespace varve {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int Fail(int code, const Status& status) {
  std::fprintf(stderr, "varve: %s\n", std::string(MessageOf(status)).c_str());
  return code;
}

config::MachineFacts ReadMachine() {
  config::MachineFacts machine;
  machine.memory_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                         static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
  machine.cores = std::thread::hardware_concurrency();
  return machine;
}

Result<config::Options> ReadOptions(const Command& command) {
  config::OptionInputs inputs;
  inputs.command_line = command.options;
  inputs.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  inputs.machine = ReadMachine();
  if (!command.config_file.empty()) {
    std::ifstream file(command.config_file);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return InvalidArgument("config: cannot read {}", command.config_file);
    inputs.file_text = text.str();
    inputs.file_name = command.config_file;
  }
  return config::LoadOptions(inputs);
}

void ShowOptions(const config::Options& options) {
  for (const auto& [name, value] : options.all()) {
    const bool hidden = config::FindOption(name)->secret && !value.text.empty();
    std::cout << fmt::format("{} = {}  ({})\n", name, hidden ? "***" : value.text,
                             config::SourceName(value.source));
  }
}

int RunConfigured(const Command& command) {
  const Result<config::Options> options = ReadOptions(command);
  if (!options.ok()) return Fail(kExitUsage, options.status());
  if (Status valid = CheckServerOptions(*options); !valid.ok()) return Fail(kExitUsage, valid);
  if (command.kind == CommandKind::kConfigShow) ShowOptions(*options);
  if (command.kind != CommandKind::kServe) return EXIT_SUCCESS;
  SetUpLogging(options->Text("log-format"), options->Text("log-level"));
  const Status served = Serve(*options);
  return served.ok() ? EXIT_SUCCESS : Fail(kExitFailed, served);
}

int RunLogCommand(const Command& command) {
  io::PosixFileSystem files;
  const Status status = command.kind == CommandKind::kLogInspect
                            ? log::InspectLog(files, command.directory, std::cout)
                            : log::VerifyLog(files, command.directory, std::cout);
  std::cout.flush();
  return status.ok() ? EXIT_SUCCESS : Fail(kExitFailed, status);
}

int Main(int argc, char** argv) {
  const Result<Command> command = ParseCommandLine(argc, argv);
  if (!command.ok()) return Fail(kExitUsage, command.status());
  switch (command->kind) {
    case CommandKind::kPrint:
      std::cout << command->text;
      return EXIT_SUCCESS;
    case CommandKind::kConfigDocs:
      std::cout << config::OptionsAsMarkdown();
      return EXIT_SUCCESS;
    case CommandKind::kServe:
    case CommandKind::kConfigShow:
    case CommandKind::kConfigCheck:
      return RunConfigured(*command);
    case CommandKind::kLogInspect:
    case CommandKind::kLogVerify:
      return RunLogCommand(*command);
  }
  return kExitFailed;
}

}  // namespace
}  // namespace varve

int main(int argc, char** argv) {
  try {
    return varve::Main(argc, argv);
  } catch (const std::exception& error) {  // A library threw where it should not: the last door.
    std::fprintf(stderr, "varve: internal error: %s\n", error.what());
    return 1;
  }
}
