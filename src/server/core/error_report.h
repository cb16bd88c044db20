// Turns a Status into what a client is told, with the one table of severities and that of HTTP's
// status codes.
//
// Role:     Status of any layer -> [ErrorReport] -> ErrorResponse in server/pg.
//           Status of any layer -> [HttpStatusOf] -> answers in server/http, where a call that
//           departs from the table says so.
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

// By what the client can do: 400 mend the request, 404 name another thing, 429 and 503 send it
// again a little later, 500 tell the operator. What tells 53400 from 54000: the first is a queue
// that is full now, the second a limit that waiting does not lift.
unsigned HttpStatusOf(const Status& status);

// A message beside a result, not an error.
struct Notice {
  Severity severity = Severity::kNotice;
  std::string sqlstate;
  std::string message;
};

}  // namespace varve::server
