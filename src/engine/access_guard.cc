#include "engine/access_guard.h"

#include <duckdb/planner/logical_operator.hpp>

namespace varve::engine {

using duckdb::StatementType;

Status CheckStatementAllowed(const duckdb::SQLStatement& statement) {
  switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
    case StatementType::INSERT_STATEMENT:
    case StatementType::UPDATE_STATEMENT:
    case StatementType::DELETE_STATEMENT:
    case StatementType::CREATE_STATEMENT:
    case StatementType::ALTER_STATEMENT:
    case StatementType::DROP_STATEMENT:
    case StatementType::TRANSACTION_STATEMENT:
    case StatementType::EXPLAIN_STATEMENT:
      return OkStatus();
    default:
      return SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for statement {}",
                       duckdb::StatementTypeToString(statement.type));
  }
}

void CheckPlanAllowed(duckdb::LogicalOperator& plan) {
  switch (plan.type) {
    case duckdb::LogicalOperatorType::LOGICAL_COPY_TO_FILE:
    case duckdb::LogicalOperatorType::LOGICAL_PRAGMA:
    case duckdb::LogicalOperatorType::LOGICAL_SET:
      throw duckdb::PermissionException("permission denied for %s",
                                        duckdb::LogicalOperatorToString(plan.type));
    default:
      break;
  }
  for (auto& child : plan.children) CheckPlanAllowed(*child);
}

}  // namespace varve::engine
