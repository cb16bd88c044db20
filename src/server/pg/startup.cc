#include "server/pg/startup.h"

#include <algorithm>
#include <utility>

namespace varve::server::pg {
namespace {

constexpr SqlState kInvalidAuthorization = "28000";

// "-c name=value", "-cname=value" and "--name=value".
Status ApplyOptions(std::string_view options, Settings& settings) {
  const std::vector<std::string> words = SplitOptions(options);
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    std::string_view assignment;
    if (word == "-c" && i + 1 < words.size()) {
      assignment = words[++i];
    } else if (word.starts_with("--") || word.starts_with("-c")) {
      assignment = word.substr(2);
    } else {
      return SqlErrorf(sqlstate::kInvalidParameterValue,
                       "invalid command-line argument for server process: {}", word);
    }
    const size_t equals = assignment.find('=');
    if (equals == std::string_view::npos) {
      return SqlErrorf(sqlstate::kInvalidParameterValue, "-c {} requires a value", assignment);
    }
    std::string name(assignment.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    VARVE_RETURN_IF_ERROR(settings.SetDefault(name, assignment.substr(equals + 1)));
  }
  return OkStatus();
}

Status CheckVersion(const StartupPacket& packet, StartupRequest& request) {
  const uint32_t major = packet.code >> 16;
  const uint32_t minor = packet.code & 0xffff;
  if (major != kProtocolMajor) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "unsupported frontend protocol {}.{}: server supports 3.0 to 3.0", major,
                     minor);
  }
  request.negotiate = minor > 0;
  return OkStatus();
}

}  // namespace

std::vector<std::string> SplitOptions(std::string_view options) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  for (size_t i = 0; i < options.size(); ++i) {
    const char c = options[i];
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
      continue;
    }
    inside = true;
    if (c == '\\' && i + 1 < options.size()) {
      word += options[++i];
    } else {
      word += c;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

Result<StartupRequest> ReadStartupRequest(const StartupPacket& packet) {
  StartupRequest request;
  VARVE_RETURN_IF_ERROR(CheckVersion(packet, request));
  request.user = packet.Find("user");
  if (request.user.empty()) {
    return SqlError(kInvalidAuthorization, "no PostgreSQL user name specified in startup packet");
  }
  request.database = packet.Find("database");
  if (request.database.empty()) request.database = request.user;
  const std::string replication = packet.Find("replication");
  if (!replication.empty() && replication != "false" && replication != "off" &&
      replication != "no" && replication != "0") {
    return SqlError(sqlstate::kFeatureNotSupported, "replication connections are not supported");
  }
  VARVE_RETURN_IF_ERROR(request.settings.SetDefault("session_authorization", request.user));
  for (const auto& [name, value] : packet.parameters) {
    if (name == "user" || name == "database" || name == "replication") continue;
    if (name.starts_with("_pq_.")) {
      request.negotiate = true;
      request.unknown_extensions.push_back(name);
    } else if (name == "options") {
      VARVE_RETURN_IF_ERROR(ApplyOptions(value, request.settings));
    } else {
      VARVE_RETURN_IF_ERROR(request.settings.SetDefault(name, value));
    }
  }
  return request;
}

}  // namespace varve::server::pg
