#include "engine/duck_errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <duckdb/common/string_util.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/duck_error_forms.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::ErrorData;
using duckdb::ExceptionType;

namespace {

// DuckDB's error taken apart. With errors_as_json the message is a JSON object of all the fields.
struct Parts {
  std::string message;  // first paragraph, without suggestions
  std::string hint;     // the suggestions
  std::unordered_map<std::string, std::string> fields;

  std::string Field(const char* name) const {
    const auto it = fields.find(name);
    return it == fields.end() ? std::string() : it->second;
  }
};

// Suggestions, candidate lists and the drawing of the position follow on lines of their own.
void SplitMessage(const std::string& text, Parts& parts) {
  const auto end = text.find('\n');
  parts.message = text.substr(0, end);
  if (end == std::string::npos) return;
  std::string rest = text.substr(end + 1);
  if (const auto drawing = rest.find("LINE "); drawing != std::string::npos) rest.resize(drawing);
  duckdb::StringUtil::Trim(rest);
  parts.hint = std::move(rest);
}

Parts Take(const ErrorData& error) {
  if (error.RawMessage().starts_with("{\"exception_type\"")) {
    return Take(ErrorData(std::runtime_error(error.RawMessage())));  // reads the object
  }
  Parts parts;
  for (const auto& [name, value] : error.ExtraInfo()) parts.fields[name] = value;
  SplitMessage(error.RawMessage(), parts);
  return parts;
}

// Characters, because that is what PostgreSQL's clients count; DuckDB counts bytes from 0.
std::optional<size_t> PositionIn(std::string_view statement, const std::string& bytes_text) {
  size_t bytes = 0;
  const char* end = bytes_text.data() + bytes_text.size();
  if (bytes_text.empty() || std::from_chars(bytes_text.data(), end, bytes).ec != std::errc()) {
    return std::nullopt;
  }
  if (bytes > statement.size()) return std::nullopt;
  const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<size_t>(std::count_if(
             statement.begin(), statement.begin() + static_cast<long>(bytes), is_start)) +
         1;
}

Status MissingEntry(const std::string& type, const std::string& name) {
  if (type == "Table" || type == "View" || type == "Sequence" || type == "Index") {
    return SqlErrorf(type == "Index" ? sqlstate::kUndefinedObject : sqlstate::kUndefinedTable,
                     "{} \"{}\" does not exist", type == "Index" ? "index" : "relation", name);
  }
  if (type == "Schema") {
    return SqlErrorf(sqlstate::kInvalidSchemaName, "schema \"{}\" does not exist", name);
  }
  if (duckdb::StringUtil::Contains(type, "Function") ||
      duckdb::StringUtil::Contains(type, "Macro")) {
    const bool is_operator =
        !name.empty() && std::isalnum(static_cast<unsigned char>(name[0])) == 0 && name[0] != '_';
    return SqlErrorf(sqlstate::kUndefinedFunction, "{} {} does not exist",
                     is_operator ? "operator" : "function", name);
  }
  return SqlErrorf(sqlstate::kUndefinedObject, "{} \"{}\" does not exist",
                   duckdb::StringUtil::Lower(type), name);
}

Status ExistingEntry(const std::string& type, const std::string& name) {
  if (type == "Schema") {
    return SqlErrorf(sqlstate::kDuplicateSchema, "schema \"{}\" already exists", name);
  }
  if (type == "Type") return SqlErrorf("42710", "type \"{}\" already exists", name);
  if (duckdb::StringUtil::Contains(type, "Function") ||
      duckdb::StringUtil::Contains(type, "Macro")) {
    return SqlErrorf("42723", "function {} already exists", name);
  }
  return SqlErrorf(sqlstate::kDuplicateTable, "relation \"{}\" already exists", name);
}

// What a window function of series is rewritten to is not the user's world: the error is of the
// function that was called. nullopt: `call` is of another one.
std::optional<Status> WrongSeriesArgument(const std::string& call) {
  struct Known {
    std::string_view internal;
    const char* text;
  };
  constexpr std::array<Known, 6> kKnown = {
      {{"varve_grid(", "period_diff needs ORDER BY a time or a whole number"},
       {"varve_on_grid(", "period_diff needs ORDER BY a time or a whole number"},
       {"varve_row_count(", "number of rows of a window function must be a whole number"},
       {"varve_difference(", "the first argument of window function diff must be a number"},
       {"varve_pct_change(", "the first argument of window function pct_change must be a number"},
       {"varve_counter_rate(",
        "window function counter_rate takes a number, and a time or a whole number"}}};
  for (const Known& known : kKnown) {
    if (!call.starts_with(known.internal)) continue;
    return SqlError(known.internal.starts_with("varve_row_count") ? sqlstate::kInvalidParameterValue
                                                                  : sqlstate::kUndefinedFunction,
                    known.text);
  }
  return std::nullopt;
}

// By the fields that DuckDB fills in on purpose; nullopt when they do not tell.
std::optional<Status> FromFields(const Parts& parts) {
  const std::string subtype = parts.Field("error_subtype");
  if (subtype == "MISSING_ENTRY") return MissingEntry(parts.Field("type"), parts.Field("name"));
  if (subtype == "ENTRY_ALREADY_EXISTS") {
    return ExistingEntry(parts.Field("type"), parts.Field("name"));
  }
  if (subtype == "COLUMN_NOT_FOUND") {
    return SqlErrorf(sqlstate::kUndefinedColumn, "column \"{}\" does not exist",
                     parts.Field("name"));
  }
  if (subtype == "NO_MATCHING_FUNCTION") {
    const std::string call = PostgresCall(parts.Field("call"));
    if (auto wrong = WrongSeriesArgument(call)) return *std::move(wrong);
    const bool is_operator =
        std::isalpha(static_cast<unsigned char>(call[0])) == 0 && call[0] != '_';
    return SqlErrorf(sqlstate::kUndefinedFunction, "{} does not exist",
                     is_operator ? "operator " + OperatorCall(call) : "function " + call);
  }
  return std::nullopt;
}

// The state of an exception type whose message is left as it is.
SqlState StateOf(ExceptionType type) {
  switch (type) {
    case ExceptionType::PARSER:
    case ExceptionType::SYNTAX:
      return sqlstate::kSyntaxError;
    case ExceptionType::BINDER:
    case ExceptionType::PLANNER:
    case ExceptionType::CATALOG:
    case ExceptionType::EXPRESSION:
      return "42000";
    case ExceptionType::CONVERSION:
      return sqlstate::kInvalidTextRepresentation;
    case ExceptionType::OUT_OF_RANGE:
    case ExceptionType::DECIMAL:
      return sqlstate::kNumericOutOfRange;
    case ExceptionType::DIVIDE_BY_ZERO:
      return sqlstate::kDivisionByZero;
    case ExceptionType::INVALID_TYPE:
    case ExceptionType::MISMATCH_TYPE:
    case ExceptionType::UNKNOWN_TYPE:
      return sqlstate::kDatatypeMismatch;
    case ExceptionType::CONSTRAINT:
      return "23000";
    case ExceptionType::INVALID_INPUT:
    case ExceptionType::SEQUENCE:
    case ExceptionType::INVALID_CONFIGURATION:
    case ExceptionType::SETTINGS:
      return sqlstate::kInvalidParameterValue;
    case ExceptionType::PARAMETER_NOT_RESOLVED:
      return sqlstate::kIndeterminateDatatype;
    case ExceptionType::PARAMETER_NOT_ALLOWED:
      return sqlstate::kUndefinedParameter;
    case ExceptionType::NOT_IMPLEMENTED:
    case ExceptionType::MISSING_EXTENSION:
    case ExceptionType::AUTOLOAD:
      return sqlstate::kFeatureNotSupported;
    case ExceptionType::PERMISSION:
      return sqlstate::kInsufficientPrivilege;
    case ExceptionType::TRANSACTION:
      return sqlstate::kActiveTransaction;
    case ExceptionType::DEPENDENCY:
      return "2BP01";
    case ExceptionType::INTERRUPT:
      return sqlstate::kQueryCanceled;
    case ExceptionType::OUT_OF_MEMORY:
      return sqlstate::kOutOfMemory;
    case ExceptionType::IO:
      return sqlstate::kIoError;
    default:
      return sqlstate::kInternalError;
  }
}

// A statement that spills more than may be on the disk. Waiting does not help it, and trying again
// takes the disk from everybody else again: not the state of a shortage that passes. The second
// form is that of a disk that others have filled, with the path of the file.
bool IsTooLargeToSpill(ExceptionType type, const std::string& text) {
  return (type == ExceptionType::OUT_OF_MEMORY &&
          duckdb::StringUtil::Contains(text, "failed to offload data block")) ||
         (type == ExceptionType::IO && duckdb::StringUtil::Contains(text, "duckdb_temp_"));
}

Status Translate(ExceptionType type, const Parts& parts) {
  if (const std::string state = parts.Field(kSqlStateField); !state.empty()) {
    return SqlError(state, parts.message);
  }
  if (type == ExceptionType::INTERRUPT) {
    return SqlError(sqlstate::kQueryCanceled, "canceling statement due to user request");
  }
  if (IsTooLargeToSpill(type, parts.message)) {
    return WithHint(SqlError(sqlstate::kStatementTooComplex,
                             "the statement needs more memory, and more temporary space on the "
                             "disk, than there is"),
                    "Read less at once, or raise memory-limit-mb.");
  }
  if (type == ExceptionType::OUT_OF_MEMORY) {
    return WithDetail(SqlError(sqlstate::kOutOfMemory, "out of memory"), parts.message);
  }
  if (auto status = FromFields(parts)) return *std::move(status);
  if (auto status = FromKnownForm(type, parts.message)) return *std::move(status);
  return SqlError(StateOf(type), parts.message);
}

}  // namespace

Status FromDuckError(const ErrorData& error, std::string_view statement_text) {
  const Parts parts = Take(error);
  Status status = Translate(error.Type(), parts);
  if (const auto position = PositionIn(statement_text, parts.Field("position"))) {
    status = WithPosition(std::move(status), *position);
  }
  constexpr std::string_view kForms = "Candidate macros:";  // varve.flush and its like
  if (parts.hint.starts_with(kForms)) {
    std::string list = parts.hint.substr(kForms.size());
    duckdb::StringUtil::Trim(list);
    status = WithHint(std::move(status),
                      "Known forms: " + duckdb::StringUtil::Replace(list, "\n\t", ", "));
  }
  // Similar column names help; DuckDB's overloads, functions and settings are not the user's world.
  const bool names_columns =
      parts.hint.starts_with("Candidate bindings") || parts.hint.starts_with("Did you mean: ");
  if (names_columns && SqlStateOf(status) == sqlstate::kUndefinedColumn) {
    const auto list = parts.hint.find('"');
    if (list != std::string::npos) {
      status = WithHint(std::move(status), "Similar columns: " + parts.hint.substr(list));
    }
  }
  return status;
}

}  // namespace varve::engine
