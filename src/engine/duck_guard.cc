#include "engine/duck_guard.h"

#include <absl/strings/numbers.h>

#include <string>
#include <unordered_map>

#include "engine/duck_errors.h"

namespace varve::engine {
namespace {

constexpr const char* kState = "varve_sqlstate";
constexpr const char* kMessage = "varve_message";
constexpr const char* kDetail = "varve_detail";
constexpr const char* kHint = "varve_hint";
constexpr const char* kPosition = "varve_position";

}  // namespace

void ThrowStatus(const Status& status) {
  std::unordered_map<std::string, std::string> extra;
  const std::string message(MessageOf(status));
  extra[kState] = SqlStateOf(status);
  extra[kMessage] = message;
  if (auto detail = DetailOf(status)) extra[kDetail] = *detail;
  if (auto hint = HintOf(status)) extra[kHint] = *hint;
  if (auto position = PositionOf(status)) extra[kPosition] = std::to_string(*position);
  throw duckdb::Exception(extra, duckdb::ExceptionType::INVALID_INPUT, message);
}

Status StatusFromDuck(const duckdb::ErrorData& error, std::string_view statement_text) {
  const auto& extra = error.ExtraInfo();
  const auto state = extra.find(kState);
  const auto message = extra.find(kMessage);
  // Errors of the dialect's own functions have a state and DuckDB's form of message.
  if (state == extra.end() || message == extra.end()) return FromDuckError(error, statement_text);
  Status status = SqlError(state->second, message->second);
  if (auto it = extra.find(kDetail); it != extra.end()) {
    status = WithDetail(std::move(status), it->second);
  }
  if (auto it = extra.find(kHint); it != extra.end()) {
    status = WithHint(std::move(status), it->second);
  }
  if (auto it = extra.find(kPosition); it != extra.end()) {
    size_t position = 0;
    if (absl::SimpleAtoi(it->second, &position)) status = WithPosition(std::move(status), position);
  }
  return status;
}

}  // namespace varve::engine
