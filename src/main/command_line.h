// Turns the words of the command line into a command.
//
// Errors:   InvalidArgument with one line; the caller prints it and exits with 2. Help and version
//           are not errors: they come back as text to print.
#pragma once

#include <map>
#include <string>

#include "base/status.h"

namespace varve {

enum class CommandKind {
  kPrint,
  kServe,
  kConfigShow,
  kConfigCheck,
  kConfigDocs,
  kLogInspect,
  kLogVerify
};

struct Command {
  CommandKind kind = CommandKind::kPrint;
  std::string text;                            // kPrint: what to print
  std::map<std::string, std::string> options;  // by option name, as typed
  std::string config_file;                     // empty: none
  std::string directory;                       // kLogInspect, kLogVerify
};

Result<Command> ParseCommandLine(int argc, const char* const* argv);

// "varve 0.1.0 (DuckDB v1.5.6)"
std::string VersionText();

}  // namespace varve
