// Gathers the effective options: command line, then environment, then config file, then default.
//
// Role:     main -> [Options] -> every part that is configured at start.
// Errors:   InvalidArgument with one line that names option, source, value and what is accepted; an
//           unknown option in the file is an error too. The caller exits with 2.
// Threads:  immutable after LoadOptions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/log_sync.h"

namespace varve::config {

enum class OptionSource { kDefault, kFile, kEnvironment, kCommandLine };
std::string_view SourceName(OptionSource source);

struct OptionValue {
  std::string text;
  OptionSource source = OptionSource::kDefault;
};

// What the machine has, for defaults that depend on it.
struct MachineFacts {
  uint64_t memory_bytes = 0;
  uint32_t cores = 1;
};

class Options {
 public:
  // Values are checked already: a getter of the wrong kind is a bug and stops the process.
  const std::string& Text(std::string_view name) const;
  int64_t Integer(std::string_view name) const;
  int64_t Bytes(std::string_view name) const;
  bool Bool(std::string_view name) const;
  config::LogSync LogSync() const;

  const std::map<std::string, OptionValue, std::less<>>& all() const { return values_; }

 private:
  friend class OptionsLoader;
  std::map<std::string, OptionValue, std::less<>> values_;
};

struct OptionInputs {
  std::map<std::string, std::string> command_line;  // by option name
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::optional<std::string> file_text;  // YAML: a map of option names to scalars
  std::string file_name;                 // for messages
  MachineFacts machine;
};

Result<Options> LoadOptions(const OptionInputs& inputs);

}  // namespace varve::config
