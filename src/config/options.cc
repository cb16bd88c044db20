#include "config/options.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "config/option_registry.h"

namespace varve::config {

std::string_view SourceName(OptionSource source) {
  switch (source) {
    case OptionSource::kDefault:
      return "default";
    case OptionSource::kFile:
      return "config file";
    case OptionSource::kEnvironment:
      return "environment";
    case OptionSource::kCommandLine:
      return "command line";
  }
  return "";
}

const std::string& Options::Text(std::string_view name) const {
  const auto at = values_.find(name);
  VARVE_CHECK(at != values_.end());
  return at->second.text;
}

int64_t Options::Integer(std::string_view name) const {
  const std::string& text = Text(name);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  VARVE_CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

int64_t Options::Bytes(std::string_view name) const {
  const Result<int64_t> bytes = ParseBytes(Text(name));
  VARVE_CHECK(bytes.ok());
  return *bytes;
}

bool Options::Bool(std::string_view name) const {
  const std::string& text = Text(name);
  VARVE_CHECK(text == "true" || text == "false");
  return text == "true";
}

LogSync Options::LogSync() const {
  const Result<config::LogSync> sync = config::LogSync::Parse(Text("log-sync"));
  VARVE_CHECK(sync.ok());
  return *sync;
}

class OptionsLoader {
 public:
  explicit OptionsLoader(const OptionInputs& inputs) : inputs_(inputs) {}

  Result<Options> Load() {
    for (const OptionSpec& option : AllOptions()) {
      options_.values_[std::string(option.name)] = {Default(option), OptionSource::kDefault};
    }
    VARVE_RETURN_IF_ERROR(ReadFile());
    VARVE_RETURN_IF_ERROR(ReadEnvironment());
    for (const auto& [name, value] : inputs_.command_line) {
      VARVE_RETURN_IF_ERROR(Set(name, value, OptionSource::kCommandLine));
    }
    VARVE_RETURN_IF_ERROR(CheckBucketOptions());
    return std::move(options_);
  }

 private:
  std::string Default(const OptionSpec& option) const {
    constexpr uint64_t kMegabyte = 1 << 20;
    const uint64_t memory_mb = std::max<uint64_t>(inputs_.machine.memory_bytes / kMegabyte, 256);
    if (option.name == "buffer-max-memory-mb") {
      return std::to_string(std::min<uint64_t>(memory_mb / 4, 4096));
    }
    if (option.name == "memory-limit-mb") return std::to_string(memory_mb / 2);
    if (option.name == "threads") return std::to_string(std::max(inputs_.machine.cores, 1u));
    return std::string(option.default_text);
  }

  Status Set(const std::string& name, const std::string& value, OptionSource source) {
    const OptionSpec* option = FindOption(name);
    if (option == nullptr) {
      return InvalidArgument("unknown option \"{}\" ({}); `varve config --docs` lists them all",
                             name, SourceName(source));
    }
    const Status checked = CheckValue(*option, value);
    if (!checked.ok()) return InvalidArgument("{} ({})", MessageOf(checked), SourceName(source));
    if (!option->refused_because.empty() && value != option->default_text) {
      return InvalidArgument("{}: \"{}\" cannot be honoured: {} ({}); leave it out", name,
                             option->secret ? "***" : value, option->refused_because,
                             SourceName(source));
    }
    options_.values_[name] = {value, source};
    return OkStatus();
  }

  Status ReadFile() {
    if (!inputs_.file_text) return OkStatus();
    try {
      const YAML::Node root = YAML::Load(*inputs_.file_text);
      if (root.IsNull()) return OkStatus();
      if (!root.IsMap()) return InvalidArgument("{}: not a map of options", inputs_.file_name);
      for (const auto& entry : root) {
        const auto name = entry.first.as<std::string>();
        if (!entry.second.IsScalar()) {
          return InvalidArgument("{}: the value of {} is not a scalar", inputs_.file_name, name);
        }
        VARVE_RETURN_IF_ERROR(Set(name, entry.second.as<std::string>(), OptionSource::kFile));
      }
    } catch (const YAML::Exception& error) {  // yaml-cpp reports by exception only.
      return InvalidArgument("{}: {}", inputs_.file_name, error.what());
    }
    return OkStatus();
  }

  // What says how a bucket is reached and who may write to it.
  static bool IsAboutTheBucket(const OptionSpec& option) {
    return (option.name.starts_with("s3-") && option.name != "s3-bucket") ||
           option.name.starts_with("dynamodb-") || option.name == "lock-provider";
  }

  // What holds for buckets of projects too, which a server with its tables in a folder may have.
  static bool IsAboutEveryBucket(const OptionSpec& option) {
    static constexpr std::string_view kNames[] = {
        "s3-addressing",         "s3-allow-http",         "s3-ca-file",
        "s3-connect-timeout-ms", "s3-request-timeout-ms", "s3-retry-secs"};
    return std::find(std::begin(kNames), std::end(kNames), option.name) != std::end(kNames);
  }

  bool HasBucket() const {
    const auto given = inputs_.command_line.find("s3-bucket");
    if (given != inputs_.command_line.end()) return !given->second.empty();
    return !options_.Text("s3-bucket").empty();
  }

  // A setting that is accepted does something.
  Status CheckBucketOptions() const {
    if (HasBucket()) return OkStatus();
    for (const OptionSpec& option : AllOptions()) {
      const OptionValue& value = options_.values_.find(option.name)->second;
      if (IsAboutTheBucket(option) && !IsAboutEveryBucket(option) &&
          value.text != option.default_text) {
        return InvalidArgument("{} ({}) does nothing without s3-bucket; leave it out", option.name,
                               SourceName(value.source));
      }
    }
    return OkStatus();
  }

  Status ReadEnvironment() {
    for (const OptionSpec& option : AllOptions()) {
      // Other tools share these variables: they may be set without any thought of Varve. The bucket
      // comes before them in the table.
      if (IsAboutTheBucket(option) && !HasBucket()) continue;
      std::string_view names = option.environment;
      while (!names.empty()) {
        const size_t comma = names.find(',');
        const std::string variable(names.substr(0, comma));
        if (const auto value = inputs_.environment(variable)) {
          const Status set = Set(std::string(option.name), *value, OptionSource::kEnvironment);
          if (!set.ok()) return InvalidArgument("{}: {}", variable, MessageOf(set));
          break;
        }
        if (comma == std::string_view::npos) break;
        names.remove_prefix(comma + 1);
      }
    }
    return OkStatus();
  }

  const OptionInputs& inputs_;
  Options options_;
};

Result<Options> LoadOptions(const OptionInputs& inputs) { return OptionsLoader(inputs).Load(); }

}  // namespace varve::config
