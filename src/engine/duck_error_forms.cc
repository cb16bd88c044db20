#include "engine/duck_error_forms.h"

#include <array>
#include <duckdb/common/string_util.hpp>
#include <vector>

namespace varve::engine {

using duckdb::ExceptionType;

namespace {

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What stands between the n-th pair of `quote`, counted from 0.
std::string Quoted(std::string_view text, char quote, int number = 0) {
  size_t begin = text.find(quote);
  for (int i = 0; i < number && begin != std::string_view::npos; ++i) {
    begin = text.find(quote, text.find(quote, begin + 1) + 1);
  }
  if (begin == std::string_view::npos) return {};
  const size_t end = text.find(quote, begin + 1);
  if (end == std::string_view::npos) return {};
  return std::string(text.substr(begin + 1, end - begin - 1));
}

// The last quoted text, which may hold quotes itself: from the first quote to the last.
std::string QuotedWhole(std::string_view text, char quote) {
  const size_t begin = text.find(quote);
  const size_t end = text.rfind(quote);
  if (begin == std::string_view::npos || end <= begin) return {};
  return std::string(text.substr(begin + 1, end - begin - 1));
}

std::string After(std::string_view text, std::string_view mark) {
  const size_t at = text.rfind(mark);
  return at == std::string_view::npos ? std::string() : std::string(text.substr(at + mark.size()));
}

struct TypeName {
  std::string_view duck;
  std::string_view postgres;
};

constexpr std::array<TypeName, 24> kTypeNames = {{
    {"INT32", "integer"},
    {"INT64", "bigint"},
    {"INT16", "smallint"},
    {"INT128", "uuid"},
    {"BOOL", "boolean"},
    {"DOUBLE", "double precision"},
    {"FLOAT", "real"},
    {"INTEGER", "integer"},
    {"BIGINT", "bigint"},
    {"SMALLINT", "smallint"},
    {"HUGEINT", "numeric"},
    {"BOOLEAN", "boolean"},
    {"VARCHAR", "text"},
    {"BLOB", "bytea"},
    {"TIMESTAMP WITH TIME ZONE", "timestamp with time zone"},
    {"TIMESTAMP", "timestamp without time zone"},
    {"TIME", "time without time zone"},
    {"DATE", "date"},
    {"INTERVAL", "interval"},
    {"UUID", "uuid"},
    {"JSON", "jsonb"},
    {"STRING_LITERAL", "unknown"},
    {"INTEGER_LITERAL", "integer"},
    {"\"NULL\"", "unknown"},
}};

std::string PostgresType(std::string_view duck) {
  const std::string_view base = duck.substr(0, duck.find_first_of("(["));
  const bool is_list = duck.ends_with("[]");
  if (base == "DECIMAL") return is_list ? "numeric[]" : "numeric";
  for (const auto& name : kTypeNames) {
    if (base == name.duck) return std::string(name.postgres) + (is_list ? "[]" : "");
  }
  return duckdb::StringUtil::Lower(std::string(duck));
}

bool LooksLikeNumber(const std::string& text) {
  const size_t begin = text.find_first_not_of(" +-");
  return begin != std::string::npos &&
         text.find_first_not_of("0123456789 ", begin) == std::string::npos;
}

Status OutOfRange(const std::string& type) {
  return SqlErrorf(sqlstate::kNumericOutOfRange, "{} out of range", type);
}

Status BadText(const std::string& value, const std::string& type) {
  const bool is_integer = type == "integer" || type == "bigint" || type == "smallint";
  if (is_integer && LooksLikeNumber(value)) {
    return SqlErrorf(sqlstate::kNumericOutOfRange, "value \"{}\" is out of range for type {}",
                     value, type);
  }
  return SqlErrorf(
      type == "interval" ? sqlstate::kInvalidDatetimeFormat : sqlstate::kInvalidTextRepresentation,
      "invalid input syntax for type {}: \"{}\"", type, value);
}

std::optional<Status> Conversion(const std::string& m) {
  if (m.starts_with("Could not convert string ")) {
    const char quote = m[sizeof("Could not convert string ") - 1];
    return BadText(QuotedWhole(m, quote), PostgresType(After(m, "to ")));
  }
  if (Has(m, "field value out of range")) {
    const std::string value = Quoted(m, '"');
    const bool is_time = m.starts_with("time ");  // DuckDB says so of any text that is no time
    if (is_time && value.find_first_of("0123456789") == std::string::npos) {
      return SqlErrorf(sqlstate::kInvalidDatetimeFormat,
                       "invalid input syntax for type time: \"{}\"", value);
    }
    return SqlErrorf(sqlstate::kDatetimeOverflow, "date/time field value out of range: \"{}\"",
                     value);
  }
  for (const auto kind : {"timestamp", "date", "time"}) {
    if (m.starts_with(std::string("invalid ") + kind)) {
      return SqlErrorf(sqlstate::kInvalidDatetimeFormat, "invalid input syntax for type {}: \"{}\"",
                       kind, Quoted(m, '"'));
    }
  }
  if (Has(m, "out of range for the destination type ")) {
    return OutOfRange(PostgresType(After(m, "destination type ")));
  }
  if (Has(m, "to type DECIMAL") || Has(m, "to DECIMAL") || Has(m, "decimal out of range")) {
    return SqlError(sqlstate::kNumericOutOfRange, "numeric field overflow");
  }
  if (m.starts_with("Malformed JSON")) {
    return WithDetail(
        SqlError(sqlstate::kInvalidTextRepresentation, "invalid input syntax for type json"), m);
  }
  if (Has(m, "specifier")) {
    return SqlErrorf(sqlstate::kInvalidParameterValue, "unit \"{}\" not recognized",
                     Quoted(m, '"'));
  }
  return std::nullopt;
}

std::optional<Status> Overflow(const std::string& m) {
  if (!m.starts_with("Overflow in ")) {
    if (Has(m, "negative number") && Has(m, "square root")) {
      return SqlError("2201F", "cannot take square root of a negative number");
    }
    if (Has(m, "logarithm of zero")) return SqlError("2201E", "cannot take logarithm of zero");
    if (Has(m, "logarithm of a negative")) {
      return SqlError("2201E", "cannot take logarithm of a negative number");
    }
    if (Has(m, "imestamp") || Has(m, "date")) {
      return SqlError(sqlstate::kDatetimeOverflow, "timestamp out of range");
    }
    return std::nullopt;
  }
  for (const auto& name : kTypeNames) {
    if (Has(m, std::string(name.duck) + " (")) return OutOfRange(std::string(name.postgres));
  }
  if (Has(m, "DECIMAL")) {
    return SqlError(sqlstate::kNumericOutOfRange, "numeric field overflow");
  }
  return OutOfRange("value");
}

std::optional<Status> Constraint(const std::string& m) {
  if (m.starts_with("NOT NULL constraint failed: ")) {
    const std::string column = After(m, ".");
    const std::string place = After(m, "failed: ");
    return SqlErrorf(sqlstate::kNotNullViolation,
                     "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                     column, place.substr(0, place.rfind('.')));
  }
  if (Has(m, "uplicate key")) {
    return WithDetail(
        SqlError(sqlstate::kUniqueViolation, "duplicate key value violates unique constraint"), m);
  }
  if (m.starts_with("CHECK constraint failed")) {
    return WithDetail(SqlError("23514", "new row violates check constraint"), m);
  }
  if (Has(m, "oreign key")) return SqlError("23503", m);
  return std::nullopt;
}

// A message, or part of one, and what it becomes. `{0}`: the text in double quotes.
struct Form {
  std::string_view part;
  SqlState state;
  std::string_view text;  // empty: DuckDB's own
};

constexpr std::array<Form, 39> kForms = {{
    {"must appear in the GROUP BY clause", sqlstate::kGroupingError,
     "column \"{0}\" must appear in the GROUP BY clause or be used in an aggregate function"},
    {"WHERE clause cannot contain aggregates", sqlstate::kGroupingError,
     "aggregate functions are not allowed in WHERE"},
    {"cannot contain aggregates", sqlstate::kGroupingError, ""},
    {"Aggregate functions are not supported here", sqlstate::kGroupingError,
     "aggregate functions are not allowed here"},
    {"aggregate function calls cannot be nested", sqlstate::kGroupingError,
     "aggregate function calls cannot be nested"},
    {"aggregate function", sqlstate::kGroupingError, ""},
    {"cannot contain window functions", "42P20", ""},
    {"window functions are not allowed", "42P20", ""},
    {"indow function", "42P20", ""},
    {"Ambiguous reference to column name", sqlstate::kAmbiguousColumn,
     "column reference \"{0}\" is ambiguous"},
    {"Ambiguous column reference", sqlstate::kAmbiguousColumn, ""},
    {"Ambiguous reference to table", "42P09", "table reference \"{0}\" is ambiguous"},
    {"Duplicate alias", "42712", "table name \"{0}\" specified more than once"},
    {"Could not choose a best candidate function", "42725", "function is not unique"},
    {"does not exist because schema", sqlstate::kUndefinedTable, "relation \"{0}\" does not exist"},
    {"No extension found that is capable", sqlstate::kUndefinedTable,
     "relation \"{0}\" does not exist"},
    {"Referenced table", sqlstate::kUndefinedTable, "missing FROM-clause entry for table \"{0}\""},
    {"Catalog \"", sqlstate::kInvalidSchemaName, "schema \"{0}\" does not exist"},
    {"columns but", sqlstate::kSyntaxError, ""},
    {"Column name/value mismatch", sqlstate::kSyntaxError, ""},
    {"same number of result columns", sqlstate::kSyntaxError,
     "each UNION query must have the same number of columns"},
    {"Subquery returns ", sqlstate::kSyntaxError, "subquery must return only one column"},
    {"More than one row returned by a subquery", "21000",
     "more than one row returned by a subquery used as an expression"},
    {"ORDER term out of range", "42P10", "ORDER BY position is not in select list"},
    {"ORDER BY term out of range", "42P10", "ORDER BY position is not in select list"},
    {"GROUP BY term out of range", "42P10", "GROUP BY position is not in select list"},
    {"LIMIT/OFFSET cannot be negative", "2201W", "LIMIT must not be negative"},
    {"LIMIT value cannot be negative", "2201W", "LIMIT must not be negative"},
    {"LIMIT must not be negative", "2201W", "LIMIT must not be negative"},
    {"OFFSET must not be negative", "2201X", "OFFSET must not be negative"},
    {"Prepared statement \"", sqlstate::kInvalidStatementName,
     "prepared statement \"{0}\" does not exist"},
    {"Values were not provided", "08P01", ""},
    {"no transaction is active", "25P01", "there is no transaction in progress"},
    {"cannot start a transaction within", sqlstate::kActiveTransaction,
     "there is already a transaction in progress"},
    {"ransaction is aborted", sqlstate::kInFailedTransaction,
     "current transaction is aborted, commands ignored until end of transaction block"},
    {"ransaction conflict", "40001", "could not serialize access due to concurrent update"},
    {"write-write conflict", "40001", "could not serialize access due to concurrent update"},
    {"Unknown TimeZone", sqlstate::kInvalidParameterValue, ""},
    {"DECIMAL type width must be", sqlstate::kInvalidParameterValue,
     "NUMERIC precision must be between 1 and 38"},
}};

std::optional<Status> FromTable(const std::string& m) {
  for (const auto& form : kForms) {
    if (!Has(m, form.part)) continue;
    if (form.text.empty()) return SqlError(form.state, m);
    return SqlError(form.state,
                    duckdb::StringUtil::Replace(std::string(form.text), "{0}", Quoted(m, '"')));
  }
  return std::nullopt;
}

std::optional<Status> Binding(const std::string& m) {
  if (Has(m, "does not have a column named")) {
    return SqlErrorf(sqlstate::kUndefinedColumn, "column {}.{} does not exist", Quoted(m, '"', 0),
                     Quoted(m, '"', 1));
  }
  if (Has(m, "does not have a column with name")) {
    return SqlErrorf(sqlstate::kUndefinedColumn, "column \"{}\" of relation \"{}\" does not exist",
                     Quoted(m, '"', 1), Quoted(m, '"', 0));
  }
  if (m.starts_with("Macro ") && Has(m, "supplied arguments")) {
    const size_t name = sizeof("Macro ") - 1;
    return SqlErrorf(sqlstate::kUndefinedFunction, "function {} does not take these arguments",
                     m.substr(name, m.find('(') - name));
  }
  if (m.starts_with("Multiple assignments to same column ")) {
    return SqlErrorf(sqlstate::kSyntaxError, "multiple assignments to same column \"{}\"",
                     Quoted(m, '"', 0));
  }
  if (m.starts_with("Referenced update column ")) {
    std::string column = m.substr(sizeof("Referenced update column ") - 1);
    column.resize(column.find(' '));
    return SqlErrorf(sqlstate::kUndefinedColumn, "column \"{}\" does not exist", column);
  }
  if (m.starts_with("Schema with name ") && Has(m, "does not exist")) {
    std::string name = m.substr(sizeof("Schema with name ") - 1);
    name.resize(name.find(" does not"));
    return SqlErrorf(sqlstate::kInvalidSchemaName, "schema \"{}\" does not exist", name);
  }
  if (m.starts_with("Duplicate column name ") && Has(m, " in INSERT")) {
    return SqlErrorf(sqlstate::kDuplicateColumn, "column \"{}\" specified more than once",
                     Quoted(m, '"', 0));
  }
  if (Has(m, "olumn with name") && Has(m, "already exists")) {
    std::string name = After(m, "with name ");
    name.resize(name.find(" already"));
    std::erase(name, '"');
    return SqlErrorf(sqlstate::kDuplicateColumn, "column \"{}\" specified more than once", name);
  }
  if (Has(m, "Cannot compare values of type") || Has(m, "Cannot mix values of type") ||
      Has(m, "explicit cast is required") || Has(m, "Unimplemented type for cast")) {
    return SqlError(
        Has(m, "Cannot compare") ? sqlstate::kUndefinedFunction : sqlstate::kDatatypeMismatch, m);
  }
  return FromTable(m);
}

}  // namespace

std::optional<Status> FromKnownForm(ExceptionType type, const std::string& message) {
  switch (type) {
    case ExceptionType::CONVERSION:
      return Conversion(message);
    case ExceptionType::OUT_OF_RANGE:
      if (auto status = Overflow(message)) return status;
      return FromTable(message);
    case ExceptionType::CONSTRAINT:
      return Constraint(message);
    case ExceptionType::PARSER:
    case ExceptionType::SYNTAX:
    case ExceptionType::INTERNAL:
    case ExceptionType::FATAL:
    case ExceptionType::IO:
      return std::nullopt;
    default:
      return Binding(message);
  }
}

std::string PostgresCall(const std::string& call) {
  const size_t open = call.find('(');
  if (open == std::string::npos || !call.ends_with(')')) return call;
  std::string text = call.substr(0, open + 1);
  const std::string arguments = call.substr(open + 1, call.size() - open - 2);
  bool first = true;
  for (const auto& argument : duckdb::StringUtil::Split(arguments, ", ")) {
    if (!first) text += ", ";
    first = false;
    text += PostgresType(argument);
  }
  return text + ")";
}

std::string OperatorCall(const std::string& call) {
  const size_t open = call.find('(');
  if (open == std::string::npos) return call;
  const std::string name = call.substr(0, open);
  const auto sides = duckdb::StringUtil::Split(call.substr(open + 1, call.size() - open - 2), ", ");
  if (sides.size() != 2) return call;
  return sides[0] + " " + name + " " + sides[1];
}

}  // namespace varve::engine
