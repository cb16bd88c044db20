// Turns a Status into what a client is told: the one table of severities and HTTP codes.
//
// Role:     Status of any layer -> [ErrorReport] -> ErrorResponse in server/pg, JSON in
//           server/http.
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
  std::optional<size_t> position;  // 1-based characters
};

// kFatal for the SQLSTATEs after which PostgreSQL ends the connection, else kError.
ErrorReport ReportOf(const Status& status);

// 400 bad request, 404 not found, 413 too large, 429 or 503 overload, 500 a fault of ours.
int HttpCodeOf(std::string_view sqlstate);

// A message beside a result, not an error.
struct Notice {
  Severity severity = Severity::kNotice;
  std::string sqlstate;
  std::string message;
};

}  // namespace varve::server
