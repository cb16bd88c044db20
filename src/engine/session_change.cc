// The part of DuckSession that knows which statements delete and update rows.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/statement/delete_statement.hpp>
#include <duckdb/parser/statement/update_statement.hpp>
#include <duckdb/parser/tableref/basetableref.hpp>

#include "engine/changed_projects.h"
#include "engine/duck_session.h"

namespace varve::engine {

namespace {

// DELETE FROM t, with nothing that looks at rows.
bool IsDeleteOfAll(const duckdb::SQLStatement& parsed) {
  if (parsed.type != duckdb::StatementType::DELETE_STATEMENT) return false;
  const auto& statement = parsed.Cast<duckdb::DeleteStatement>();
  return !statement.condition && statement.using_clauses.empty() &&
         statement.returning_list.empty();
}

}  // namespace

TableRef DuckSession::ChangedTable(const duckdb::SQLStatement& parsed) {
  const duckdb::TableRef* target = nullptr;
  if (parsed.type == duckdb::StatementType::DELETE_STATEMENT) {
    target = parsed.Cast<duckdb::DeleteStatement>().table.get();
  } else if (parsed.type == duckdb::StatementType::UPDATE_STATEMENT) {
    target = parsed.Cast<duckdb::UpdateStatement>().table.get();
  }
  if (target == nullptr || target->type != duckdb::TableReferenceType::BASE_TABLE) return nullptr;
  const auto& base = target->Cast<duckdb::BaseTableRef>();
  return VarveTable(base.schema_name, base.table_name);
}

Result<TableRef> DuckSession::PartToChange(const TableRef& table,
                                           const duckdb::SQLStatement& parsed,
                                           const ParameterValues& values) const {
  const catalog::PartMap parts = state_->PartsOf(table->id);
  const bool has_projects =
      core_.options.projects != nullptr && !core_.options.projects->ids()->empty();
  if (has_projects && ProjectNamesOf(*table) != nullptr && SetsColumn(parsed, kProjectColumn)) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "UPDATE of \"{}\" is not supported while projects have storage of their own",
                     kProjectColumn);
  }
  if (parts.empty()) return table;
  const auto named = ProjectsNamed(parsed, values);
  std::vector<TableRef> found;
  if (HoldsRowsOf(*state_->snapshot, *table, named)) found.push_back(table);
  for (const auto& [project, part] : parts) {
    if (named && !named->contains(project)) continue;
    if (HoldsRowsOf(*state_->snapshot, *part, std::nullopt)) found.push_back(part);
  }
  // Nothing to change yet: the transaction's own rows may be there.
  for (const auto& rows : state_->transaction_rows) {
    const bool is_ours = rows.table->id == table->id || rows.table->parent == table->id;
    const bool is_named = !named || !rows.table->is_part() || named->contains(rows.table->project);
    const auto same = [&](const TableRef& other) { return other->id == rows.table->id; };
    if (is_ours && is_named && std::none_of(found.begin(), found.end(), same)) {
      found.push_back(rows.table);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return table;
  const bool names_one = named && named->size() == 1;
  return WithHint(SqlErrorf(sqlstate::kFeatureNotSupported,
                            "one statement cannot change rows of table \"{}\" in the storage of "
                            "several projects",
                            table->name.table),
                  names_one ? "Rows of this project are in the server's own storage too."
                            : "Add project_id = '...' to its WHERE.");
}

Status DuckSession::CheckMayChange() const {
  if (changes_.empty()) return OkStatus();
  return SqlError(sqlstate::kFeatureNotSupported,
                  "DELETE and UPDATE are not supported in a transaction that changes definitions");
}

Result<duckdb::unique_ptr<duckdb::QueryResult>> DuckSession::ChangeRows(
    const TableRef& table, const duckdb::SQLStatement& statement, std::string_view text,
    const ParameterValues& values) {
  VARVE_RETURN_IF_ERROR(CheckMayChange());
  duckdb::unique_ptr<duckdb::QueryResult> result;
  VARVE_RETURN_IF_ERROR(changer_.ChangeRows(table, mode_ != Mode::kAutoCommit, [&]() -> Status {
    VARVE_ASSIGN_OR_RETURN(result, RunDuck(statement.Copy(), text, values, false));
    return OkStatus();
  }));
  return result;
}

StreamOutcome DuckSession::RunChange(const duckdb::SQLStatement& parsed, std::string_view text,
                                     const ParameterValues& values, const TableRef& table) {
  VARVE_RETURN_IF_ERROR(CheckMayChange());
  const std::string verb = VerbOf(parsed);
  if (IsDeleteOfAll(parsed)) {
    const bool truncate = IsTruncate(text);
    VARVE_ASSIGN_OR_RETURN(const auto rows,
                           changer_.DeleteAll(table, mode_ != Mode::kAutoCommit, !truncate));
    if (truncate) return std::make_unique<FixedResult>("TRUNCATE TABLE");
    if (rows) return std::make_unique<FixedResult>(fmt::format("{} {}", verb, *rows));
  }
  const auto statement = CopyForDuck(parsed);
  VARVE_ASSIGN_OR_RETURN(auto result, ChangeRows(table, *statement, text, values));
  return FinishMaterialized(verb, std::move(result));
}

// COMMIT of a transaction that has deleted or updated rows.
Status DuckSession::CommitEdits() {
  DetachOpenStream();
  state_->snapshot.reset();
  Status status;
  if (HasDuckChanges()) {
    status = SqlErrorf(sqlstate::kFeatureNotSupported,
                       "a transaction that deletes or updates rows of \"{}\" cannot change "
                       "tables of another kind",
                       state_->edits.back()->table->name.table);
  }
  SetCommitting(true);
  if (status.ok()) status = changer_.Commit();
  SetCommitting(false);
  if (!status.ok()) {
    Rollback();
    return status;
  }
  // It has only read: whatever becomes of it, the rows are changed.
  if (const Status ended = CommitDefinitions(); !ended.ok()) {
    spdlog::warn("engine: DuckDB's part of a transaction ended with: {}", MessageOf(ended));
  }
  ResetTransaction();
  return OkStatus();
}

}  // namespace varve::engine
