#include "engine/redirect.h"

#include <algorithm>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/optimizer/optimizer.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>
#include <duckdb/planner/operator/logical_delete.hpp>
#include <duckdb/planner/operator/logical_empty_result.hpp>
#include <duckdb/planner/operator/logical_filter.hpp>
#include <duckdb/planner/operator/logical_get.hpp>
#include <duckdb/planner/operator/logical_insert.hpp>
#include <duckdb/planner/operator/logical_merge_into.hpp>
#include <duckdb/planner/operator/logical_set_operation.hpp>
#include <duckdb/planner/operator/logical_update.hpp>
#include <optional>

#include "engine/access_guard.h"
#include "engine/buffer_scan.h"
#include "engine/change_operator.h"
#include "engine/duck_guard.h"
#include "engine/insert_operator.h"
#include "engine/lake_scan.h"
#include "engine/session_state.h"
#include "engine/text_cast.h"

namespace varve::engine {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;
using duckdb::OptimizerExtensionInput;
using duckdb::unique_ptr;

namespace {

struct RedirectionInfo : duckdb::OptimizerExtensionInfo {
  explicit RedirectionInfo(io::ObjectStore& s) : store(s) {}
  io::ObjectStore& store;
};

[[noreturn]] void RefuseRowId() {
  ThrowStatus(SqlError(sqlstate::kUndefinedColumn, "column \"rowid\" does not exist"));
}

// COUNT(*) asks DuckDB for the row id, as its cheapest column; a user may name it too. Only the
// second is refused: something in the plan then refers to it.
class RowIdReferences : public duckdb::LogicalOperatorVisitor {
 public:
  std::vector<duckdb::ColumnBinding> row_ids;

 protected:
  unique_ptr<duckdb::Expression> VisitReplace(duckdb::BoundColumnRefExpression& ref,
                                              unique_ptr<duckdb::Expression>*) override {
    for (const auto& binding : row_ids) {
      if (ref.binding == binding) RefuseRowId();
    }
    return nullptr;
  }
};

// A DELETE or UPDATE refers to the row id of its table itself, once; a user must not.
class TargetRowIds : public duckdb::LogicalOperatorVisitor {
 public:
  explicit TargetRowIds(const duckdb::LogicalGet& get) : get_(get) {}
  int references = 0;

 protected:
  unique_ptr<duckdb::Expression> VisitReplace(duckdb::BoundColumnRefExpression& ref,
                                              unique_ptr<duckdb::Expression>*) override {
    const auto& binding = ref.binding;
    if (binding.table_index == get_.table_index &&
        get_.GetColumnIds().at(binding.column_index).IsRowIdColumn()) {
      references++;
    }
    return nullptr;
  }

 private:
  const duckdb::LogicalGet& get_;
};

class Redirection {
 public:
  Redirection(OptimizerExtensionInput& input, duckdb::shared_ptr<SessionState> session)
      : context_(input.context),
        binder_(input.optimizer.binder),
        store_(static_cast<RedirectionInfo&>(*input.info).store),
        session_(std::move(session)) {}

  void Run(unique_ptr<LogicalOperator>& plan) {
    Visit(plan);
    if (!row_ids_.row_ids.empty()) row_ids_.VisitOperator(*plan);
    if (target_) {
      TargetRowIds own(*target_);
      own.VisitOperator(*plan);
      if (own.references > 1) RefuseRowId();
    }
  }

 private:
  void Visit(unique_ptr<LogicalOperator>& op) {
    VisitChange(op);
    for (auto& child : op->children) Visit(child);
    switch (op->type) {
      case LogicalOperatorType::LOGICAL_GET:
        return VisitGet(op);
      case LogicalOperatorType::LOGICAL_INSERT:
        return VisitInsert(op);
      case LogicalOperatorType::LOGICAL_MERGE_INTO:
        return RefuseChange(op->Cast<duckdb::LogicalMergeInto>().table,
                            "MERGE or INSERT ... ON CONFLICT");
      default:
        return;
    }
  }

  // Before its children: it tells which scan below it is that of the table it changes.
  void VisitChange(unique_ptr<LogicalOperator>& op) {
    const bool is_delete = op->type == LogicalOperatorType::LOGICAL_DELETE;
    if (!is_delete && op->type != LogicalOperatorType::LOGICAL_UPDATE) return;
    auto table = session_->FindTable(is_delete ? op->Cast<duckdb::LogicalDelete>().table
                                               : op->Cast<duckdb::LogicalUpdate>().table);
    if (!table) return;
    const std::optional<TableView> view = session_->ViewOfChange(table);
    if (!view) {
      ThrowStatus(SqlErrorf(sqlstate::kFeatureNotSupported,
                            "table \"{}\" cannot be changed by a part of a statement",
                            table->name.table));
    }
    auto change = is_delete ? RedirectDelete(std::move(op), *view, session_)
                            : RedirectUpdate(std::move(op), *view, session_);
    op = std::move(change.plan);
    target_index_ = change.target_index;
  }

  void RefuseChange(const duckdb::TableCatalogEntry& entry, std::string_view what) {
    if (!session_->FindTable(entry)) return;
    ThrowStatus(SqlErrorf(sqlstate::kFeatureNotSupported, "{} is not supported for table \"{}\"",
                          what, entry.name));
  }

  void VisitInsert(unique_ptr<LogicalOperator>& op) {
    auto table = session_->FindTable(op->Cast<duckdb::LogicalInsert>().table);
    if (table) op = RedirectInsert(std::move(op), std::move(table), session_);
  }

  void VisitGet(unique_ptr<LogicalOperator>& op) {
    auto& get = op->Cast<duckdb::LogicalGet>();
    const auto entry = get.GetTable();
    if (!entry) return HideInternal(op);
    const auto table = session_->FindTable(*entry);
    if (!table) return;
    // A plan holds the snapshot that it was made with: plan again at every execution.
    binder_.GetStatementProperties().always_require_rebind = true;
    const bool is_target = get.table_index == target_index_;
    const TableView view = is_target ? *session_->ViewOfChange(table) : session_->View(table);
    const bool has_files = view.files && !view.files->files.empty();
    if (is_target) {
      if (has_files) {
        auto scan = MakeAddressedScan(context_, binder_, get, view, store_);
        target_ = unique_ptr_cast<LogicalOperator, duckdb::LogicalGet>(std::move(op));
        op = std::move(scan);
      } else {
        op = duckdb::make_uniq<duckdb::LogicalEmptyResult>(std::move(op));
      }
      return;
    }
    ReplaceRowIds(get);
    if (!has_files) {
      op = MakeBufferScan(get.table_index, get, view);
    } else if (view.resident.empty()) {
      op = MakeLakeScan(context_, binder_, get.table_index, get, view, store_);
    } else {
      duckdb::vector<unique_ptr<LogicalOperator>> sides;
      sides.push_back(MakeBufferScan(binder_.GenerateTableIndex(), get, view));
      sides.push_back(
          MakeLakeScan(context_, binder_, binder_.GenerateTableIndex(), get, view, store_));
      auto both = duckdb::make_uniq<duckdb::LogicalSetOperation>(
          get.table_index, get.GetColumnIds().size(), std::move(sides),
          LogicalOperatorType::LOGICAL_UNION, true, true);
      both->ResolveOperatorTypes();
      op = std::move(both);
    }
  }

  // What stands behind information_schema and pg_catalog tells of every schema; a user is not told
  // of ours.
  static void HideInternal(unique_ptr<LogicalOperator>& op) {
    auto& get = op->Cast<duckdb::LogicalGet>();
    if (!get.function.name.starts_with("duckdb_")) return;
    const auto name = std::find(get.names.begin(), get.names.end(), "schema_name");
    if (name == get.names.end()) return;
    const auto column = static_cast<duckdb::idx_t>(name - get.names.begin());
    get.ResolveOperatorTypes();  // fills in a column where none is read
    const duckdb::idx_t place = get.GetColumnIds().size();
    get.AddColumnId(column);
    auto schema = duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
        get.returned_types[column], duckdb::ColumnBinding(get.table_index, place));
    auto internal =
        duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value(kInternalSchema));
    auto filter = duckdb::make_uniq<duckdb::LogicalFilter>(
        duckdb::make_uniq<duckdb::BoundComparisonExpression>(
            duckdb::ExpressionType::COMPARE_DISTINCT_FROM, std::move(schema), std::move(internal)));
    filter->children.push_back(std::move(op));
    filter->ResolveOperatorTypes();
    op = std::move(filter);
  }

  void ReplaceRowIds(duckdb::LogicalGet& get) {
    get.ResolveOperatorTypes();  // fills in the row id of a scan without columns
    auto& ids = get.GetMutableColumnIds();
    for (duckdb::idx_t i = 0; i < ids.size(); i++) {
      if (!ids[i].IsRowIdColumn()) continue;
      ids[i] = duckdb::ColumnIndex(duckdb::COLUMN_IDENTIFIER_EMPTY);
      row_ids_.row_ids.emplace_back(get.table_index, i);
    }
  }

  duckdb::ClientContext& context_;
  duckdb::Binder& binder_;
  io::ObjectStore& store_;
  duckdb::shared_ptr<SessionState> session_;
  RowIdReferences row_ids_;
  std::optional<duckdb::idx_t> target_index_;  // of the scan that a DELETE or UPDATE changes
  unique_ptr<duckdb::LogicalGet> target_;      // DuckDB's, which was replaced
};

void PreOptimize(OptimizerExtensionInput& input, unique_ptr<LogicalOperator>& plan) {
  auto session = SessionState::Of(input.context);
  if (!session || session->is_internal) return;  // SQL of the engine's own
  CheckPlanAllowed(*plan);
  ReplaceExtensionCasts(input.context, *plan);
  Redirection(input, std::move(session)).Run(plan);
}

}  // namespace

void RegisterRedirection(duckdb::DatabaseInstance& db, io::ObjectStore& store) {
  duckdb::OptimizerExtension extension;
  extension.pre_optimize_function = PreOptimize;
  extension.optimizer_info = duckdb::make_shared_ptr<RedirectionInfo>(store);
  duckdb::OptimizerExtension::Register(duckdb::DBConfig::GetConfig(db), std::move(extension));
}

}  // namespace varve::engine
