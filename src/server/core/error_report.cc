#include "server/core/error_report.h"

#include <array>

#include "base/error_context.h"

namespace varve::server {
namespace {

// Of the SQLSTATE or its class: after these PostgreSQL ends the connection.
constexpr std::array<std::string_view, 5> kFatalPrefixes = {"25P03", "28", "3D000", "53300", "57P"};

struct HttpRow {
  std::string_view prefix;  // a SQLSTATE or its class; the first row that fits counts
  unsigned status;
};
constexpr unsigned kBadRequest = 400;
constexpr std::array<HttpRow, 10> kHttpRows = {{
    {"53400", 429},  // a full queue
    {"53", 503},     // disk, memory, connections
    {"57P", 503},    // starting, stopping
    {"08", 503},
    {"58", 503},
    {"XX", 500},
    {"42P01", 404},
    {"42703", 404},
    {"42704", 404},
    {"42883", 404},
}};

Severity SeverityOf(std::string_view sqlstate) {
  for (const std::string_view prefix : kFatalPrefixes) {
    if (sqlstate.starts_with(prefix)) return Severity::kFatal;
  }
  return Severity::kError;
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "NOTICE";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
    case Severity::kFatal:
      return "FATAL";
  }
  return "ERROR";
}

ErrorReport ReportOf(const Status& status) {
  ErrorReport report;
  report.sqlstate = SqlStateOf(status);
  report.severity = SeverityOf(report.sqlstate);
  report.message = MessageOf(status);
  report.detail = DetailOf(status).value_or("");
  report.hint = HintOf(status).value_or("");
  report.context = ContextOf(status).value_or("");
  report.position = PositionOf(status);
  return report;
}

unsigned HttpStatusOf(const Status& status) {
  const std::string state = SqlStateOf(status);
  for (const HttpRow& row : kHttpRows) {
    if (state.starts_with(row.prefix)) return row.status;
  }
  return kBadRequest;
}

}  // namespace varve::server
