#include "engine/pg_error.h"

namespace varve::engine {

void ThrowSqlError(SqlState state, const std::string& message) {
  const std::unordered_map<std::string, std::string> fields = {
      {kSqlStateField, std::string(state)}};
  throw duckdb::Exception(fields, duckdb::ExceptionType::INVALID_INPUT, message);
}

void ThrowOutOfRange(const char* type) {
  ThrowSqlError(sqlstate::kNumericOutOfRange, std::string(type) + " out of range");
}

}  // namespace varve::engine
