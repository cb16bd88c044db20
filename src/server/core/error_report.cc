#include "server/core/error_report.h"

#include <array>

#include "base/error_context.h"

namespace varve::server {
namespace {

// Of the SQLSTATE or its class: after these PostgreSQL ends the connection.
constexpr std::array<std::string_view, 5> kFatalPrefixes = {"25P03", "28", "3D000", "53300", "57P"};

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

}  // namespace varve::server
