#include "engine/statement.h"

#include <absl/strings/match.h>

#include <algorithm>
#include <charconv>
#include <duckdb/parser/parsed_data/alter_info.hpp>
#include <duckdb/parser/parsed_data/create_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/parser/parsed_data/transaction_info.hpp>
#include <duckdb/parser/statement/alter_statement.hpp>
#include <duckdb/parser/statement/create_statement.hpp>
#include <duckdb/parser/statement/drop_statement.hpp>
#include <duckdb/parser/statement/set_statement.hpp>
#include <duckdb/parser/statement/transaction_statement.hpp>
#include <duckdb/parser/statement/vacuum_statement.hpp>

namespace varve::engine {

using duckdb::CatalogType;
using duckdb::StatementType;

namespace {

std::string_view ObjectKind(CatalogType type) {
  switch (type) {
    case CatalogType::TABLE_ENTRY:
      return "TABLE";
    case CatalogType::VIEW_ENTRY:
      return "VIEW";
    case CatalogType::SCHEMA_ENTRY:
      return "SCHEMA";
    case CatalogType::INDEX_ENTRY:
      return "INDEX";
    case CatalogType::SEQUENCE_ENTRY:
      return "SEQUENCE";
    case CatalogType::TYPE_ENTRY:
      return "TYPE";
    case CatalogType::MACRO_ENTRY:
    case CatalogType::TABLE_MACRO_ENTRY:
    case CatalogType::SCALAR_FUNCTION_ENTRY:
      return "FUNCTION";
    default:
      return "OBJECT";
  }
}

std::string TransactionVerb(duckdb::TransactionType type) {
  switch (type) {
    case duckdb::TransactionType::BEGIN_TRANSACTION:
      return "BEGIN";
    case duckdb::TransactionType::COMMIT:
      return "COMMIT";
    default:
      return "ROLLBACK";
  }
}

std::string AlterVerb(const duckdb::AlterInfo& info) {
  switch (info.type) {
    case duckdb::AlterType::ALTER_VIEW:
      return "ALTER VIEW";
    case duckdb::AlterType::ALTER_SEQUENCE:
      return "ALTER SEQUENCE";
    case duckdb::AlterType::SET_COMMENT:
    case duckdb::AlterType::SET_COLUMN_COMMENT:
      return "COMMENT";
    default:
      return "ALTER TABLE";
  }
}

}  // namespace

std::string VerbOf(const duckdb::SQLStatement& statement) {
  switch (statement.type) {
    case StatementType::SELECT_STATEMENT:
      return "SELECT";
    case StatementType::INSERT_STATEMENT:
      return "INSERT";
    case StatementType::UPDATE_STATEMENT:
      return "UPDATE";
    case StatementType::DELETE_STATEMENT:
      return "DELETE";
    case StatementType::MERGE_INTO_STATEMENT:
      return "MERGE";
    case StatementType::TRANSACTION_STATEMENT:
      return TransactionVerb(statement.Cast<duckdb::TransactionStatement>().info->type);
    case StatementType::CREATE_STATEMENT: {
      const auto& info = *statement.Cast<duckdb::CreateStatement>().info;
      return fmt::format("CREATE {}", ObjectKind(info.type));
    }
    case StatementType::DROP_STATEMENT: {
      const auto& info = *statement.Cast<duckdb::DropStatement>().info;
      if (info.type == CatalogType::PREPARED_STATEMENT) return "DEALLOCATE";
      return fmt::format("DROP {}", ObjectKind(info.type));
    }
    case StatementType::ALTER_STATEMENT:
      return AlterVerb(*statement.Cast<duckdb::AlterStatement>().info);
    case StatementType::SET_STATEMENT:
      return statement.Cast<duckdb::SetStatement>().set_type == duckdb::SetType::RESET ? "RESET"
                                                                                       : "SET";
    case StatementType::PREPARE_STATEMENT:
      return "PREPARE";
    case StatementType::EXECUTE_STATEMENT:
      return "EXECUTE";
    case StatementType::EXPLAIN_STATEMENT:
      return "EXPLAIN";
    case StatementType::COPY_STATEMENT:
      return "COPY";
    case StatementType::CALL_STATEMENT:
      return "CALL";
    case StatementType::VACUUM_STATEMENT:
      // DuckDB parses ANALYZE as one too.
      return statement.Cast<duckdb::VacuumStatement>().info->options.vacuum ? "VACUUM" : "ANALYZE";
    case StatementType::ANALYZE_STATEMENT:
      return "ANALYZE";
    default: {
      std::string name = duckdb::StatementTypeToString(statement.type);
      return name.substr(0, name.find('_'));
    }
  }
}

bool IsTruncate(std::string_view text) {
  // Blanks and comments may come first.
  size_t at = 0;
  for (;;) {
    at = text.find_first_not_of(" \t\r\n\f\v", at);
    if (at == std::string_view::npos) return false;
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("--")) {
      at = text.find('\n', at);
    } else if (rest.starts_with("/*")) {
      at = text.find("*/", at + 2);
      if (at != std::string_view::npos) at += 2;
    } else {
      constexpr std::string_view kWord = "truncate";
      return absl::EqualsIgnoreCase({rest.data(), std::min(rest.size(), kWord.size())},
                                    {kWord.data(), kWord.size()});
    }
    if (at == std::string_view::npos) return false;
  }
}

DuckStatement::DuckStatement(duckdb::unique_ptr<duckdb::SQLStatement> parsed, std::string text)
    : parsed_(std::move(parsed)), text_(std::move(text)), verb_(VerbOf(*parsed_)) {
  for (const auto& [name, index] : parsed_->named_param_map) {
    size_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    parameter_count_ = std::max(parameter_count_, number);
  }
}

Result<std::vector<Type>> DuckStatement::ParameterTypes(
    const std::vector<Type>& declared, const std::function<Result<Description>()>& infer) const {
  if (declared_ != declared) {
    VARVE_ASSIGN_OR_RETURN(auto description, infer());
    RememberTypes(declared, description.parameters);
  }
  return inferred_;
}

}  // namespace varve::engine
