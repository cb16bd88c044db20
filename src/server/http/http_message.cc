#include "server/http/http_message.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/json_string.h"
#include "base/random.h"
#include "server/core/error_report.h"

namespace varve::server {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

HttpAnswer InternalAnswer(const Status& status) {
  const std::string id = fmt::format("{:016x}", Random::System().NextU64());
  spdlog::error("HTTP request {}: {} {}", id, SqlStateOf(status), MessageOf(status));
  return DetailAnswer(500, fmt::format("internal error; request id {}", id));
}

}  // namespace

std::string_view HttpCall::Field(HttpField name) const {
  const auto value = header[name];
  return {value.data(), value.size()};
}

Result<std::vector<std::pair<std::string, std::string>>> HttpCall::Parameters() const {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (std::string_view rest = query; !rest.empty();) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view piece = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (piece.empty()) continue;
    const size_t equals = std::min(piece.find('='), piece.size());
    const auto name = PercentDecode(piece.substr(0, equals), true);
    const auto value = PercentDecode(piece.substr(std::min(equals + 1, piece.size())), true);
    if (!name || !value) return InvalidArgument("the query has a bad percent escape: {}", piece);
    parameters.emplace_back(*name, *value);
  }
  return parameters;
}

void HttpCall::OnDisconnect(std::function<void()> stop) const {
  std::function<void()> old;  // destroyed without the lock
  {
    MutexLock lock(mu_);
    if (!disconnected_ || stop == nullptr) {
      old = std::exchange(stop_, std::move(stop));
      return;
    }
  }
  stop();
}

void HttpCall::NoteDisconnect() const {
  // Under the lock, so that OnDisconnect({}) means that `stop` does not run any more.
  MutexLock lock(mu_);
  disconnected_ = true;
  const std::function<void()> stop = std::exchange(stop_, nullptr);
  if (stop) stop();
}

HttpAnswer DetailAnswer(unsigned status, std::string_view detail) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = R"({"detail":)";
  AppendJsonString(detail, answer.body);
  answer.body += '}';
  return answer;
}

HttpAnswer RetryAnswer(unsigned status, std::string_view detail) {
  return DetailAnswer(status, detail).With("Retry-After", "1");
}

HttpAnswer StatusAnswer(const Status& status) {
  const unsigned code = HttpStatusOf(status);
  if (code == 500) return InternalAnswer(status);
  if (code == 429 || code == 503) return RetryAnswer(code, MessageOf(status));
  return DetailAnswer(code, MessageOf(status));
}

HttpAnswer BodyAnswer(const Status& status) {
  if (status.code() == StatusCode::kResourceExhausted) return DetailAnswer(413, MessageOf(status));
  return StatusAnswer(status);
}

HttpAnswer AnswerOf(Result<HttpAnswer> answer) {
  return answer.ok() ? *std::move(answer) : StatusAnswer(answer.status());
}

HttpAnswer JsonAnswer(std::string body) {
  HttpAnswer answer;
  answer.body = std::move(body);
  return answer;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

}  // namespace varve::server
