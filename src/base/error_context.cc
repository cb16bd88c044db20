#include "base/error_context.h"

#include <absl/strings/cord.h>

#include <utility>

namespace varve {
namespace {

constexpr const char* kContextKey = "varve/context";

}  // namespace

Status WithContext(Status status, std::string_view context) {
  if (status.ok()) return status;
  std::string lines;
  if (const auto inner = ContextOf(status)) lines = *inner + "\n";
  lines += context;
  status.SetPayload(kContextKey, absl::Cord(lines));
  return status;
}

std::optional<std::string> ContextOf(const Status& status) {
  const auto field = status.GetPayload(kContextKey);
  if (!field) return std::nullopt;
  return std::string(*field);
}

}  // namespace varve
