#include "server/core/error_report.h"

#include <array>

namespace varve::server {
namespace {

struct Rule {
  std::string_view prefix;  // of the SQLSTATE; the first that fits wins
  Severity severity;
  int http_code;
};

constexpr std::array kRules = {
    Rule{"0A000", Severity::kError, 400}, Rule{"08", Severity::kError, 400},
    Rule{"22", Severity::kError, 400},    Rule{"23", Severity::kError, 400},
    Rule{"25P03", Severity::kFatal, 400}, Rule{"28", Severity::kFatal, 401},
    Rule{"3D000", Severity::kFatal, 404}, Rule{"42501", Severity::kError, 403},
    Rule{"42703", Severity::kError, 404}, Rule{"42704", Severity::kError, 404},
    Rule{"42883", Severity::kError, 404}, Rule{"42P01", Severity::kError, 404},
    Rule{"3F000", Severity::kError, 404}, Rule{"53300", Severity::kFatal, 503},
    Rule{"53400", Severity::kError, 429}, Rule{"53", Severity::kError, 503},
    Rule{"54000", Severity::kError, 413}, Rule{"57014", Severity::kError, 503},
    Rule{"57P", Severity::kFatal, 503},   Rule{"58", Severity::kError, 500},
    Rule{"XX", Severity::kError, 500},
};

const Rule& RuleOf(std::string_view sqlstate) {
  static constexpr Rule kOther{"", Severity::kError, 400};
  for (const Rule& rule : kRules) {
    if (sqlstate.starts_with(rule.prefix)) return rule;
  }
  return kOther;
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
  report.severity = RuleOf(report.sqlstate).severity;
  report.message = MessageOf(status);
  report.detail = DetailOf(status).value_or("");
  report.hint = HintOf(status).value_or("");
  report.position = PositionOf(status);
  return report;
}

int HttpCodeOf(std::string_view sqlstate) { return RuleOf(sqlstate).http_code; }

}  // namespace varve::server
