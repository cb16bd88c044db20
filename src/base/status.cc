#include "base/status.h"

#include <absl/strings/cord.h>

#include <charconv>

namespace varve {
namespace {

constexpr const char* kSqlStateKey = "varve/sqlstate";
constexpr const char* kDetailKey = "varve/detail";
constexpr const char* kHintKey = "varve/hint";
constexpr const char* kPositionKey = "varve/position";

StatusCode CodeOf(SqlState state) {
  const std::string_view cls = state.substr(0, 2);
  if (state == sqlstate::kUndefinedTable || state == sqlstate::kUndefinedColumn ||
      state == sqlstate::kUndefinedFunction || state == sqlstate::kUndefinedObject) {
    return StatusCode::kNotFound;
  }
  if (state == sqlstate::kInsufficientPrivilege) return StatusCode::kPermissionDenied;
  if (state == sqlstate::kQueryCanceled) return StatusCode::kCancelled;
  if (state == sqlstate::kDataCorrupted) return StatusCode::kDataLoss;
  if (cls == "0A") return StatusCode::kUnimplemented;
  if (cls == "40") return StatusCode::kAborted;
  if (cls == "53") return StatusCode::kResourceExhausted;
  if (cls == "57" || cls == "08" || cls == "58") return StatusCode::kUnavailable;
  if (cls == "25" || cls == "55") return StatusCode::kFailedPrecondition;
  if (cls == "XX") return StatusCode::kInternal;
  return StatusCode::kInvalidArgument;
}

SqlState ImpliedState(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "00000";
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
      return sqlstate::kInvalidParameterValue;
    case StatusCode::kNotFound:
      return sqlstate::kUndefinedObject;
    case StatusCode::kResourceExhausted:
      return sqlstate::kConfigurationLimitExceeded;
    case StatusCode::kCancelled:
    case StatusCode::kDeadlineExceeded:
      return sqlstate::kQueryCanceled;
    case StatusCode::kAborted:
      return sqlstate::kSerializationFailure;
    case StatusCode::kUnimplemented:
      return sqlstate::kFeatureNotSupported;
    case StatusCode::kPermissionDenied:
      return sqlstate::kInsufficientPrivilege;
    case StatusCode::kDataLoss:
      return sqlstate::kDataCorrupted;
    case StatusCode::kUnavailable:
      return sqlstate::kIoError;
    default:
      return sqlstate::kInternalError;
  }
}

Status WithField(Status status, const char* key, std::string_view value) {
  // As a string_view: clang and GCC do not agree on the symbol of the constructor from a string.
  if (!status.ok()) {
    status.SetPayload(key, absl::Cord(absl::string_view(value.data(), value.size())));
  }
  return status;
}

std::optional<std::string> FieldOf(const Status& status, const char* key) {
  const auto field = status.GetPayload(key);
  if (!field) return std::nullopt;
  return std::string(*field);
}

}  // namespace

Status SqlError(SqlState state, const std::string& message) {
  return WithField(Status(CodeOf(state), message), kSqlStateKey, state);
}

std::string SqlStateOf(const Status& status) {
  if (auto state = FieldOf(status, kSqlStateKey)) return *state;
  return std::string(ImpliedState(status.code()));
}

Status WithDetail(Status status, std::string_view detail) {
  return WithField(std::move(status), kDetailKey, detail);
}

Status WithHint(Status status, std::string_view hint) {
  return WithField(std::move(status), kHintKey, hint);
}

Status WithPosition(Status status, size_t position) {
  return WithField(std::move(status), kPositionKey, std::to_string(position));
}

std::optional<std::string> DetailOf(const Status& status) { return FieldOf(status, kDetailKey); }

std::optional<std::string> HintOf(const Status& status) { return FieldOf(status, kHintKey); }

std::optional<size_t> PositionOf(const Status& status) {
  const auto text = FieldOf(status, kPositionKey);
  if (!text) return std::nullopt;
  size_t position = 0;
  std::from_chars(text->data(), text->data() + text->size(), position);
  return position;
}

Status Annotate(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  Status annotated(status.code(), fmt::format("{}: {}", context, MessageOf(status)));
  status.ForEachPayload(
      [&](absl::string_view key, const absl::Cord& value) { annotated.SetPayload(key, value); });
  return annotated;
}

}  // namespace varve
