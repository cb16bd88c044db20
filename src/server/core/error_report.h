// Turns a Status into what a client is told, with the one table of severities.
//
// Role:     Status of any layer -> [ErrorReport] -> ErrorResponse in server/pg.
// Threads:  no shared state.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::server {

enum class Severity { kNotice, kWarning, kError, kFatal };
std::string_view SeverityName(Severity severity);

struct ErrorReport {
  Severity severity = Severity::kError;
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  std::string context;
  std::optional<size_t> position;  // 1-based characters
};

// kFatal for the SQLSTATEs after which PostgreSQL ends the connection, else kError.
ErrorReport ReportOf(const Status& status);

// A message beside a result, not an error.
struct Notice {
  Severity severity = Severity::kNotice;
  std::string sqlstate;
  std::string message;
};

}  // namespace varve::server
