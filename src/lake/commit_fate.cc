#include "lake/commit_fate.h"

#include <absl/strings/cord.h>

namespace varve::lake {
namespace {

constexpr const char* kNotCommittedKey = "varve/not-committed";

}  // namespace

Status NotCommitted(Status error) {
  if (!error.ok()) error.SetPayload(kNotCommittedKey, absl::Cord("1"));
  return error;
}

bool IsKnownNotCommitted(const Status& error) {
  return error.GetPayload(kNotCommittedKey).has_value();
}

}  // namespace varve::lake
