#include "lake/commit_store.h"

#include <fmt/format.h>

namespace varve::lake {

std::string CommitName(const std::string& location, int64_t version) {
  return fmt::format("{}/_delta_log/{:020}.json", location, version);
}

}  // namespace varve::lake
