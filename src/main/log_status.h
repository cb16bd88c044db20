// Tells how the log is, for the view varve.log.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "log/local_log.h"

namespace varve {

// One (property, value) for each fact; the names are public, docs/guide.md lists them.
std::vector<std::pair<std::string, std::string>> LogStatus(const log::LocalLog& log,
                                                           const log::LocalLogOptions& options);

}  // namespace varve
