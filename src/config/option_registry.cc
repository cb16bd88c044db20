#include "config/option_registry.h"

#include <array>
#include <charconv>

#include "config/log_sync.h"

namespace varve::config {
namespace {

constexpr std::string_view kNoGrpc = "gRPC ingest is not built yet";
constexpr std::string_view kNoQueue =
    "the batch queue is not built yet; every INSERT is acknowledged durably";

using enum OptionType;

constexpr std::array kOptions = {
    OptionSpec{"data-dir", "VARVE_DATA_DIR", kText, "./varve-data", 0, 0, "", "",
               "Folder for the log, the local lake and the definitions."},
    OptionSpec{"pg-port", "PGWIRE_PORT", kInteger, "5432", 0, 65535, "", "",
               "Port of the PostgreSQL protocol; 0 picks a free one."},
    OptionSpec{"http-port", "PORT", kInteger, "8000", 0, 65535, "", "",
               "Port of the HTTP calls; 0 picks a free one."},
    OptionSpec{"http-body-max-mb", "VARVE_HTTP_BODY_MAX_MB", kInteger, "32", 1, 256, "", "",
               "Largest body of an HTTP request, as sent and decoded; more gets 413."},
    OptionSpec{"http-connections-max", "VARVE_HTTP_CONNECTIONS_MAX", kInteger, "1024", 1, 65536, "",
               "", "HTTP connections at once; one more gets 503."},
    OptionSpec{
        "http-cors-origins", "VARVE_HTTP_CORS_ORIGINS", kText, "", 0, 0, "", "",
        "Origins, separated by commas, whose web pages may call the server; * for all; none: "
        "only its own."},
    OptionSpec{
        "http-hosts", "VARVE_HTTP_HOSTS", kText, "", 0, 0, "", "",
        "Names, separated by commas, by which clients reach the server besides localhost and "
        "addresses; * for all."},
    OptionSpec{"grpc-port", "GRPC_PORT", kInteger, "0", 0, 65535, "", kNoGrpc,
               "Port of gRPC ingest; 0 is off."},
    OptionSpec{"grpc-token", "GRPC_TOKEN", kText, "", 0, 0, "", kNoGrpc,
               "Token that gRPC clients must send.", true},
    OptionSpec{"listen", "VARVE_LISTEN", kText, "127.0.0.1", 0, 0, "", "",
               "Address to listen on; loopback only until authentication is built."},
    OptionSpec{"s3-bucket", "AWS_S3_BUCKET", kText, "", 0, 0, "", "",
               "Bucket that holds the tables; without one they lie in data-dir/lake."},
    OptionSpec{"s3-endpoint", "AWS_S3_ENDPOINT,AWS_ENDPOINT_URL_S3,AWS_ENDPOINT_URL", kText,
               "https://s3.amazonaws.com", 0, 0, "", "",
               "Address of the object store; the default means Amazon's in s3-region."},
    OptionSpec{"s3-region", "AWS_REGION,AWS_DEFAULT_REGION", kText, "us-east-1", 0, 0, "", "",
               "Region to sign requests for; when it is not given, the profile's."},
    OptionSpec{"s3-access-key", "AWS_ACCESS_KEY_ID", kText, "", 0, 0, "", "",
               "Access key of the object store; without one the profile's is used.", true},
    OptionSpec{"s3-secret-key", "AWS_SECRET_ACCESS_KEY", kText, "", 0, 0, "", "",
               "Secret key that belongs to s3-access-key.", true},
    OptionSpec{"s3-session-token", "AWS_SESSION_TOKEN", kText, "", 0, 0, "", "",
               "Session token that belongs to s3-access-key, for keys that expire.", true},
    OptionSpec{"s3-profile", "AWS_PROFILE", kText, "", 0, 0, "", "",
               "Profile to take keys and region from when s3-access-key is not given; default the "
               "profile named default."},
    OptionSpec{"s3-credentials-file", "AWS_SHARED_CREDENTIALS_FILE", kText, "", 0, 0, "", "",
               "File with the profiles' keys, read again when they expire; default "
               "~/.aws/credentials."},
    OptionSpec{"s3-config-file", "AWS_CONFIG_FILE", kText, "", 0, 0, "", "",
               "File with the profiles' regions; default ~/.aws/config."},
    OptionSpec{"s3-addressing", "VARVE_S3_ADDRESSING", kChoice, "auto", 0, 0, "auto|path|virtual",
               "",
               "Whether the bucket is in the path or in the host name; auto: in the path when "
               "s3-endpoint is given or the bucket has a '.' in its name."},
    OptionSpec{"s3-allow-http", "AWS_ALLOW_HTTP", kBool, "false", 0, 0, "", "",
               "Whether the object store may be reached without TLS."},
    OptionSpec{"s3-ca-file", "AWS_CA_BUNDLE", kText, "", 0, 0, "", "",
               "Certificates to trust instead of the system's, for a store with its own."},
    OptionSpec{"s3-connect-timeout-ms", "VARVE_S3_CONNECT_TIMEOUT_MS", kInteger, "5000", 1, 600000,
               "", "", "How long a connection to the object store may take to make."},
    OptionSpec{"s3-request-timeout-ms", "VARVE_S3_REQUEST_TIMEOUT_MS", kInteger, "10000", 100,
               600000, "", "",
               "How long a request to the object store may stand still; large bodies get more "
               "time as long as they move."},
    OptionSpec{"s3-retry-secs", "VARVE_S3_RETRY_SECS", kInteger, "30", 0, 3600, "", "",
               "How long a request that failed in passing is tried again."},
    OptionSpec{"lock-provider", "AWS_S3_LOCKING_PROVIDER", kChoice, "", 0, 0, "dynamodb|single", "",
               "Who decides between writers: empty, the store's conditional PUT; dynamodb, a lock "
               "table; single, nobody: this server is the bucket's only writer."},
    OptionSpec{
        "dynamodb-table", "DELTA_DYNAMO_TABLE_NAME", kText, "delta_log", 0, 0, "", "",
        "Lock table of lock-provider=dynamodb: partition key \"key\", or \"tablePath\" with sort "
        "key \"fileName\" to share tables with delta-rs and Spark."},
    OptionSpec{"dynamodb-endpoint", "AWS_ENDPOINT_URL_DYNAMODB", kText, "", 0, 0, "", "",
               "Address of DynamoDB; default Amazon's in s3-region."},
    OptionSpec{"dynamodb-path-scheme", "VARVE_DYNAMODB_PATH_SCHEME", kChoice, "s3a", 0, 0, "s3a|s3",
               "", "How tablePath begins in the lock table; the same for all who write a table."},
    OptionSpec{"table-prefix", "TIMEFUSION_TABLE_PREFIX", kFolder, "varve", 0, 0, "", "",
               "Folder of the lake below which the tables lie."},
    OptionSpec{"lake-refresh-secs", "VARVE_LAKE_REFRESH_SECS", kInteger, "30", 0, 86400, "", "",
               "How often commits of other servers and engines are looked for; 0 is never."},
    OptionSpec{"max-connections", "MAX_PG_CONNECTIONS,TIMEFUSION_MAX_CONNECTIONS", kInteger, "100",
               1, 10000, "", "",
               "Clients of the PostgreSQL protocol at once; one more gets 53300."},
    OptionSpec{"connection-limit", "TIMEFUSION_ENABLE_CONNECTION_LIMIT", kBool, "true", 0, 0, "",
               "", "Whether max-connections is enforced."},
    OptionSpec{"buffer-max-memory-mb", "TIMEFUSION_BUFFER_MAX_MEMORY_MB", kInteger, "", 16, 1 << 20,
               "", "",
               "Memory for rows not yet in the lake; default a quarter of memory, at most 4096."},
    OptionSpec{"flush-interval-secs", "TIMEFUSION_FLUSH_INTERVAL_SECS", kInteger, "300", 1, 86400,
               "", "", "How often buffered rows are committed to the lake."},
    OptionSpec{"buffer-retention-mins", "TIMEFUSION_BUFFER_RETENTION_MINS", kInteger, "70", 0,
               525600, "", "flushed rows do not stay in memory yet",
               "How long flushed rows may stay in memory."},
    OptionSpec{"cache-memory-mb", "TIMEFUSION_FOYER_MEMORY_MB", kInteger, "1024", 0, 1 << 20, "",
               "",
               "Memory of the cache in front of an object store, requests under way included; at 0 "
               "it keeps nothing there."},
    OptionSpec{"cache-disk-gb", "TIMEFUSION_FOYER_DISK_GB", kInteger, "100", 0, 1 << 20, "", "",
               "Disk tier of that cache, in data-dir/cache; 0 is none."},
    OptionSpec{"cache-ttl-seconds", "TIMEFUSION_FOYER_TTL_SECONDS", kInteger, "604800", 1,
               INT32_MAX, "", "", "How long a cached block is used after it was fetched."},
    OptionSpec{"page-row-limit", "TIMEFUSION_PAGE_ROW_COUNT_LIMIT", kInteger, "20000", 1, 1 << 30,
               "", "the Parquet writer has no page limit", "Rows per Parquet page."},
    OptionSpec{"row-group-bytes", "TIMEFUSION_MAX_ROW_GROUP_SIZE", kBytes, "128MB", 1 << 20,
               4LL << 30, "", "", "Size of a Parquet row group before compression."},
    OptionSpec{"optimize-target-mb", "TIMEFUSION_OPTIMIZE_TARGET_SIZE", kBytes, "512MB", 1 << 20,
               4LL << 30, "", "", "Size of the data files that compaction aims at."},
    OptionSpec{"compact-interval-secs", "VARVE_COMPACT_INTERVAL_SECS", kInteger, "60", 0, 86400, "",
               "", "How often small data files are looked for and merged; 0 is only when asked."},
    OptionSpec{"compact-memory-mb", "VARVE_COMPACT_MEMORY_MB", kInteger, "256", 64, 1 << 20, "", "",
               "Memory for merging data files; what is written takes up to as much again."},
    OptionSpec{"retention-interval-secs", "VARVE_RETENTION_INTERVAL_SECS", kInteger, "3600", 0,
               INT32_MAX / 1000, "", "",
               "How often files past a table's retention are taken out; 0 is only when asked."},
    OptionSpec{"vacuum-interval-secs", "VARVE_VACUUM_INTERVAL_SECS", kInteger, "86400", 0,
               INT32_MAX / 1000, "", "",
               "How often files that no version needs are deleted; 0 is only when asked."},
    OptionSpec{"batch-interval-ms", "BATCH_INTERVAL_MS", kInteger, "1000", 0, 60000, "", "",
               "How long a write waits for buffer memory before it gets 53200."},
    OptionSpec{"max-batch-size", "MAX_BATCH_SIZE", kInteger, "1000", 1, 1 << 20, "", kNoQueue,
               "Rows per batch of the batch queue."},
    OptionSpec{"batch-queue", "ENABLE_BATCH_QUEUE", kBool, "false", 0, 0, "", kNoQueue,
               "Whether INSERTs are acknowledged from the batch queue."},
    OptionSpec{"batch-queue-capacity", "TIMEFUSION_BATCH_QUEUE_CAPACITY", kInteger, "1000", 1,
               1 << 20, "", kNoQueue, "Batches that the batch queue holds."},
    OptionSpec{
        "log-sync", "VARVE_LOG_SYNC", kLogSync, "always", 0, 0, "", "",
        "When the log is synced: always (before each acknowledgement), interval:MS, or off. Only "
        "always survives a power cut without loss."},
    OptionSpec{"log-max-mb", "VARVE_LOG_MAX_MB", kInteger, "8192", 16, 1 << 24, "", "",
               "Size of the log folder at which writes get 53100."},
    OptionSpec{"statement-timeout-ms", "VARVE_STATEMENT_TIMEOUT_MS", kInteger, "60000", 0,
               INT32_MAX, "", "", "Longest run of a statement before 57014; 0 is no limit."},
    OptionSpec{"memory-limit-mb", "VARVE_MEMORY_LIMIT_MB", kInteger, "", 64, 1 << 24, "", "",
               "Memory for queries; default half of memory."},
    OptionSpec{"threads", "VARVE_THREADS", kInteger, "", 1, 1024, "", "",
               "Threads for queries; default all cores."},
    OptionSpec{"ring-default-step", "VARVE_RING_STEP", kInteger, "1", 1, 86400, "", "",
               "Seconds per slot of a new metric's ring, when its first sample names none."},
    OptionSpec{"ring-default-slots", "VARVE_RING_SLOTS", kInteger, "3600", 1, 1 << 24, "", "",
               "Slots of a new metric's ring, when its first sample names none."},
    OptionSpec{"ring-metrics-max", "VARVE_RING_METRICS_MAX", kInteger, "1000000", 1, 1 << 28, "",
               "", "Metrics that the rings take; a sample of one more gets 54000."},
    OptionSpec{"ring-checkpoint-secs", "VARVE_RING_CHECKPOINT_SECS", kInteger, "60", 1, 86400, "",
               "", "How often the rings are synced, so that the log may let go of their samples."},
    OptionSpec{"collect-host", "VARVE_COLLECT_HOST", kBool, "false", 0, 0, "", "",
               "Whether the server writes metrics of its machine into its rings once a second."},
    OptionSpec{"shutdown-grace-secs", "VARVE_SHUTDOWN_GRACE_SECS", kInteger, "30", 0, 3600, "", "",
               "How long SIGTERM waits for running statements before it cancels them."},
    OptionSpec{"log-format", "VARVE_LOG_FORMAT", kChoice, "text", 0, 0, "text|json", "",
               "Form of the server's messages on standard error."},
    OptionSpec{"log-level", "VARVE_LOG_LEVEL", kChoice, "info", 0, 0, "debug|info|warn|error", "",
               "Least severe message that is printed."},
};

Status BadValue(const OptionSpec& option, std::string_view value) {
  return InvalidArgument("{}: \"{}\" is not accepted; give {}", option.name, value,
                         AcceptedValues(option));
}

bool ParseInteger(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool IsChoice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const size_t bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) break;
    choices.remove_prefix(bar + 1);
  }
  return false;
}

// Names of folders, one below the other; empty is the folder that they would lie in.
bool IsRelativeFolder(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) return false;
  }
  return true;
}

}  // namespace

std::span<const OptionSpec> AllOptions() { return kOptions; }

const OptionSpec* FindOption(std::string_view name) {
  for (const OptionSpec& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Result<int64_t> ParseBytes(std::string_view text) {
  int64_t factor = 1;
  for (const auto& [suffix, bytes] : {std::pair<std::string_view, int64_t>{"KB", 1LL << 10},
                                      {"MB", 1LL << 20},
                                      {"GB", 1LL << 30}}) {
    if (!text.ends_with(suffix)) continue;
    text.remove_suffix(suffix.size());
    factor = bytes;
    break;
  }
  int64_t number = 0;
  if (!ParseInteger(text, number) || number < 0 || number > INT64_MAX / factor) {
    return InvalidArgument("not a size in bytes, KB, MB or GB: \"{}\"", text);
  }
  return number * factor;
}

Status CheckValue(const OptionSpec& option, std::string_view value) {
  int64_t number = 0;
  switch (option.type) {
    case kText:
      return OkStatus();
    case kFolder:
      return IsRelativeFolder(value) ? OkStatus() : BadValue(option, value);
    case kBool:
      return value == "true" || value == "false" ? OkStatus() : BadValue(option, value);
    case kChoice:
      return IsChoice(option.choices, value) ? OkStatus() : BadValue(option, value);
    case kLogSync:
      return LogSync::Parse(value).ok() ? OkStatus() : BadValue(option, value);
    case kInteger:
      if (!ParseInteger(value, number)) return BadValue(option, value);
      break;
    case kBytes: {
      const Result<int64_t> bytes = ParseBytes(value);
      if (!bytes.ok()) return BadValue(option, value);
      number = *bytes;
      break;
    }
  }
  return number >= option.min && number <= option.max ? OkStatus() : BadValue(option, value);
}

std::string AcceptedValues(const OptionSpec& option) {
  switch (option.type) {
    case kText:
      return "text";
    case kFolder:
      return "folder names with / between them, without . and ..";
    case kBool:
      return "true or false";
    case kLogSync:
      return "always, interval:MS (1 to 60000) or off";
    case kInteger:
      return fmt::format("a whole number from {} to {}", option.min, option.max);
    case kBytes:
      return fmt::format("a size from {} to {} bytes, with KB, MB or GB if you like", option.min,
                         option.max);
    case kChoice: {
      std::string text(option.choices);
      for (char& c : text) {
        if (c == '|') c = ' ';
      }
      return "one of: " + text;
    }
  }
  return {};
}

std::string OptionsAsMarkdown() {
  std::string table =
      "| option | environment | default | accepts | meaning |\n|---|---|---|---|---|\n";
  for (const OptionSpec& option : kOptions) {
    std::string meaning(option.sentence);
    if (!option.refused_because.empty()) {
      meaning += fmt::format(" *Refused for now: {}.*", option.refused_because);
    }
    table += fmt::format("| {} | {} | {} | {} | {} |\n", option.name, option.environment,
                         option.default_text, AcceptedValues(option), meaning);
  }
  return table;
}

}  // namespace varve::config
