#include "engine/pg_error.h"

namespace varve::engine {

void ThrowSqlError(SqlState state, const std::string& message) {
  const std::unordered_map<std::string, std::string> fields = {
      {kSqlStateField, std::string(state)}};
  throw duckdb::Exception(fields, duckdb::ExceptionType::INVALID_INPUT, message);
}

}  // namespace varve::engine
