#include "engine/duck_errors.h"

namespace varve::engine {

using duckdb::ExceptionType;

Status FromDuckError(const duckdb::ErrorData& error, std::string_view /*statement_text*/) {
  switch (error.Type()) {
    case ExceptionType::PARSER:
    case ExceptionType::SYNTAX:
      return SqlError(sqlstate::kSyntaxError, error.RawMessage());
    case ExceptionType::PERMISSION:
      return SqlError(sqlstate::kInsufficientPrivilege, error.RawMessage());
    case ExceptionType::INTERRUPT:
      return SqlError(sqlstate::kQueryCanceled, "canceling statement due to user request");
    case ExceptionType::OUT_OF_MEMORY:
      return SqlError(sqlstate::kOutOfMemory, error.RawMessage());
    default:
      return SqlError(sqlstate::kInternalError, error.RawMessage());
  }
}

}  // namespace varve::engine
