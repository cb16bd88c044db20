#include "engine/change_operator.h"

#include <algorithm>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/execution/operator/projection/physical_projection.hpp>
#include <duckdb/execution/physical_operator.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/operator/logical_delete.hpp>
#include <duckdb/planner/operator/logical_extension_operator.hpp>
#include <duckdb/planner/operator/logical_get.hpp>
#include <duckdb/planner/operator/logical_projection.hpp>
#include <duckdb/planner/operator/logical_update.hpp>

#include "base/check.h"
#include "base/mutex.h"
#include "engine/duck_guard.h"
#include "engine/row_change.h"

namespace varve::engine {

using duckdb::BoundColumnRefExpression;
using duckdb::ClientContext;
using duckdb::ColumnBinding;
using duckdb::DataChunk;
using duckdb::Expression;
using duckdb::idx_t;
using duckdb::LogicalGet;
using duckdb::LogicalOperator;
using duckdb::LogicalType;
using duckdb::PhysicalOperator;
using duckdb::unique_ptr;

namespace {

// What the operator needs of the statement, shared by its logical and physical form.
struct ChangeTarget {
  RowShape shape;
  FileSetRef files;  // may be null: no file yet
  duckdb::shared_ptr<SessionState> session;
  bool is_update = false;
  bool returning = false;

  std::string Name() const { return is_update ? "VARVE_UPDATE" : "VARVE_DELETE"; }
};

struct ChangeState : duckdb::GlobalSinkState {
  ChangeState(ClientContext& context, const ChangeTarget& target,
              const duckdb::vector<LogicalType>& row_types) {
    change = std::make_unique<RowChange>();
    change->shape = target.shape;
    change->files = target.files;
    change->is_update = target.is_update;
    if (row_types.empty()) return;
    change->collected = std::make_shared<duckdb::ColumnDataCollection>(context, row_types);
  }

  Mutex mu;
  std::unique_ptr<RowChange> change;  // under mu until Finalize, then given away
  uint64_t mark_bytes = 0;            // under mu
  uint64_t rows = 0;                  // for the result, after Finalize
  std::shared_ptr<duckdb::ColumnDataCollection> returned;
};

struct ChangeSource : duckdb::GlobalSourceState {
  duckdb::ColumnDataScanState scan;
};

// Takes the address of each row, and the columns of the row where somebody needs them: an UPDATE's
// new values, or the old ones that a DELETE returns.
class PhysicalVarveChange : public PhysicalOperator {
 public:
  PhysicalVarveChange(duckdb::PhysicalPlan& plan, ChangeTarget target,
                      duckdb::vector<LogicalType> output, idx_t estimate)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(output),
                         estimate),
        target_(std::move(target)) {}

  std::string GetName() const override { return target_.Name(); }
  duckdb::InsertionOrderPreservingMap<std::string> ParamsToString() const override {
    duckdb::InsertionOrderPreservingMap<std::string> result;
    result["Table"] = target_.shape.table->name.ToString();
    return result;
  }

  bool IsSink() const override { return true; }
  bool ParallelSink() const override { return true; }
  unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext& context) const override {
    const auto& input_types = children[0].get().types;
    return duckdb::make_uniq<ChangeState>(
        context, target_, duckdb::vector<LogicalType>(input_types.begin() + 1, input_types.end()));
  }
  duckdb::SinkResultType Sink(duckdb::ExecutionContext&, DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& state = input.global_state.Cast<ChangeState>();
    MutexLock locked(state.mu);
    duckdb::SelectionVector fresh(chunk.size());
    const idx_t count = MarkRows(chunk, state, fresh);
    auto& collected = state.change->collected;
    if (!collected || count == 0) return duckdb::SinkResultType::NEED_MORE_INPUT;
    DataChunk rows;
    rows.InitializeEmpty(collected->Types());
    for (idx_t i = 0; i < rows.ColumnCount(); i++) rows.data[i].Reference(chunk.data[i + 1]);
    rows.SetCardinality(chunk.size());
    if (count < chunk.size()) rows.Slice(fresh, count);
    collected->Append(rows);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }
  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&, ClientContext&,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& state = input.global_state.Cast<ChangeState>();
    MutexLock locked(state.mu);
    state.rows = state.change->rows;
    state.returned = state.change->collected;
    target_.session->statement_change = std::move(state.change);
    return duckdb::SinkFinalizeType::READY;
  }

  bool IsSource() const override { return true; }
  unique_ptr<duckdb::GlobalSourceState> GetGlobalSourceState(ClientContext&) const override {
    auto source = duckdb::make_uniq<ChangeSource>();
    const auto& state = sink_state->Cast<ChangeState>();
    if (target_.returning) state.returned->InitializeScan(source->scan);
    return source;
  }
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext&, DataChunk& out,
                                           duckdb::OperatorSourceInput& input) const override {
    auto& state = sink_state->Cast<ChangeState>();
    if (!target_.returning) {
      out.SetCardinality(1);
      out.SetValue(0, 0, duckdb::Value::BIGINT(static_cast<int64_t>(state.rows)));
      return duckdb::SourceResultType::FINISHED;
    }
    DataChunk rows;
    state.returned->InitializeScanChunk(rows);
    state.returned->Scan(input.global_state.Cast<ChangeSource>().scan, rows);
    if (rows.size() == 0) return duckdb::SourceResultType::FINISHED;
    duckdb::Vector dates(LogicalType::DATE, rows.size());
    DataChunk stored;
    stored.InitializeEmpty(out.GetTypes());
    DeriveDates(target_.shape, rows, dates, stored);
    stored.Copy(out);
    return duckdb::SourceResultType::HAVE_MORE_OUTPUT;
  }

 private:
  // Selects the rows that were not marked before: with USING or FROM, one row may come several
  // times, and the first one counts.
  idx_t MarkRows(DataChunk& chunk, ChangeState& state, duckdb::SelectionVector& fresh) const {
    duckdb::UnifiedVectorFormat addresses;
    chunk.data[0].ToUnifiedFormat(chunk.size(), addresses);
    const auto* packed = duckdb::UnifiedVectorFormat::GetData<int64_t>(addresses);
    idx_t count = 0;
    RowBits* bits = nullptr;
    uint64_t file = UINT64_MAX;
    uint64_t bytes_before = 0;
    const auto charge = [&] {
      if (bits != nullptr) state.mark_bytes += bits->bytes() - bytes_before;
    };
    for (idx_t i = 0; i < chunk.size(); i++) {
      const auto at = addresses.sel->get_index(i);
      VARVE_CHECK(addresses.validity.RowIsValid(at));
      const RowAddress address = RowAddress::Unpack(packed[at]);
      if (address.file != file) {
        charge();
        file = address.file;
        bits = &state.change->out[file];
        bytes_before = bits->bytes();
      }
      if (bits->Mark(address.row)) fresh.set_index(count++, i);
    }
    charge();
    state.change->rows += count;
    if (state.mark_bytes > target_.session->rows_bytes_max) {
      ThrowStatus(
          WithHint(SqlErrorf(sqlstate::kStatementTooComplex,
                             "the statement touches files with more rows than {} bytes can mark",
                             target_.session->rows_bytes_max),
                   "Change fewer rows in one statement."));
    }
    return count;
  }

  const ChangeTarget target_;
};

struct LogicalVarveChange : duckdb::LogicalExtensionOperator {
  ChangeTarget target;
  idx_t table_index = 0;
  duckdb::vector<LogicalType> row_types;  // of RETURNING

  std::string GetName() const override { return target.Name(); }
  std::string GetExtensionName() const override { return "varve"; }
  bool SupportSerialization() const override { return false; }

  PhysicalOperator& CreatePlan(ClientContext&, duckdb::PhysicalPlanGenerator& generator) override {
    auto& input = generator.CreatePlan(*children[0]);
    duckdb::vector<LogicalType> input_types;
    for (const auto& expression : expressions) input_types.push_back(expression->return_type);
    auto& ordered = generator.Make<duckdb::PhysicalProjection>(
        std::move(input_types), std::move(expressions), input.estimated_cardinality);
    ordered.children.push_back(input);
    auto& sink = generator.Make<PhysicalVarveChange>(target, types, input.estimated_cardinality);
    sink.children.push_back(ordered);
    return sink;
  }
  duckdb::vector<ColumnBinding> GetColumnBindings() override {
    return GenerateColumnBindings(table_index, target.returning ? row_types.size() : 1);
  }
  duckdb::vector<idx_t> GetTableIndex() const override { return {table_index}; }
  void ResolveTypes() override {
    types = target.returning ? row_types : duckdb::vector<LogicalType>{LogicalType::BIGINT};
  }
};

// The scan of the changed table below `op`.
LogicalGet* FindGet(LogicalOperator& op, idx_t table_index) {
  if (op.type == duckdb::LogicalOperatorType::LOGICAL_GET) {
    auto& get = op.Cast<LogicalGet>();
    return get.table_index == table_index ? &get : nullptr;
  }
  for (auto& child : op.children) {
    if (auto* found = FindGet(*child, table_index)) return found;
  }
  return nullptr;
}

LogicalGet& TargetOf(LogicalOperator& below, const Expression& row_id) {
  auto* get = FindGet(below, row_id.Cast<BoundColumnRefExpression>().binding.table_index);
  VARVE_CHECK(get != nullptr);
  return *get;
}

unique_ptr<Expression> RefTo(const LogicalType& type, const ColumnBinding& binding) {
  return duckdb::make_uniq<BoundColumnRefExpression>(type, binding);
}

// A reference to the table's column as it is stored; the scan reads it from now on.
unique_ptr<Expression> StoredColumn(LogicalGet& get, const duckdb::ColumnDefinition& column) {
  const auto& ids = get.GetColumnIds();
  idx_t place = 0;
  while (place < ids.size() && ids[place].GetPrimaryIndex() != column.Logical().index) place++;
  if (place == ids.size()) get.AddColumnId(column.Logical().index);
  return RefTo(column.Type(), ColumnBinding(get.table_index, place));
}

// An UPDATE writes whole rows: a column that its transaction does not know yet would be lost.
void CheckColumns(const duckdb::TableCatalogEntry& entry, const RowShape& shape) {
  if (shape.columns.size() == shape.table->columns.size()) return;
  ThrowStatus(SqlErrorf(sqlstate::kSerializationFailure,
                        "the columns of table \"{}\" have changed since the transaction began",
                        entry.name));
}

unique_ptr<LogicalVarveChange> MakeChange(const duckdb::TableCatalogEntry& entry,
                                          const TableView& view,
                                          duckdb::shared_ptr<SessionState> session) {
  auto change = duckdb::make_uniq<LogicalVarveChange>();
  change->target.shape = ShapeOf(entry, view.table);
  change->target.files = view.files;
  CheckColumns(entry, change->target.shape);
  change->target.session = std::move(session);
  for (auto& column : entry.GetColumns().Physical()) change->row_types.push_back(column.Type());
  return change;
}

bool IsCopyOf(const Expression& expression, const LogicalGet& get, idx_t logical_column) {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return false;
  const auto& binding = expression.Cast<BoundColumnRefExpression>().binding;
  return binding.table_index == get.table_index &&
         get.GetColumnIds()[binding.column_index].GetPrimaryIndex() == logical_column;
}

// Fills in what an UPDATE's new rows are made of, column by column.
class NewRow {
 public:
  NewRow(duckdb::LogicalUpdate& update, LogicalGet& get, const RowShape& shape)
      : update_(update),
        get_(get),
        shape_(shape),
        values_(update.children[0]->Cast<duckdb::LogicalProjection>()) {}

  unique_ptr<Expression> Column(const duckdb::ColumnDefinition& column) {
    const auto& set = update_.columns;
    const auto found = std::find(set.begin(), set.end(), column.Physical());
    const bool is_derived =
        shape_.table->derived_date == shape_.columns.at(column.Physical().index);
    if (found == set.end()) {
      return is_derived ? Project(Null(column)) : Project(StoredColumn(get_, column));
    }
    auto& value = update_.expressions[static_cast<size_t>(found - set.begin())];
    if (value->GetExpressionType() == duckdb::ExpressionType::VALUE_DEFAULT) {
      return Project(update_.bound_defaults.at(column.Physical().index)->Copy());
    }
    const auto& binding = value->Cast<BoundColumnRefExpression>().binding;
    VARVE_CHECK(binding.table_index == values_.table_index);
    // DuckDB adds the old value itself in some statements.
    const auto& source = *values_.expressions[binding.column_index];
    if (is_derived && IsCopyOf(source, get_, column.Logical().index)) return Project(Null(column));
    return RefTo(column.Type(), binding);
  }

 private:
  // The date follows the time: CompleteBatch fills it in.
  static unique_ptr<Expression> Null(const duckdb::ColumnDefinition& column) {
    return duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value(column.Type()));
  }
  unique_ptr<Expression> Project(unique_ptr<Expression> value) {
    const LogicalType type = value->return_type;
    values_.expressions.push_back(std::move(value));
    return RefTo(type, ColumnBinding(values_.table_index, values_.expressions.size() - 1));
  }

  duckdb::LogicalUpdate& update_;
  LogicalGet& get_;
  const RowShape& shape_;
  duckdb::LogicalProjection& values_;
};

}  // namespace

RedirectedChange RedirectDelete(unique_ptr<LogicalOperator> op, const TableView& view,
                                duckdb::shared_ptr<SessionState> session) {
  auto& original = op->Cast<duckdb::LogicalDelete>();
  auto change = MakeChange(original.table, view, std::move(session));
  auto& get = TargetOf(*original.children.at(0), *original.expressions.at(0));
  change->table_index = original.table_index;
  change->target.returning = original.return_chunk;
  change->expressions.push_back(std::move(original.expressions.at(0)));
  if (original.return_chunk) {
    for (auto& column : original.table.GetColumns().Physical()) {
      change->expressions.push_back(StoredColumn(get, column));
    }
  }
  get.ResolveOperatorTypes();
  const idx_t target_index = get.table_index;
  change->children = std::move(original.children);
  return {std::move(change), target_index};
}

RedirectedChange RedirectUpdate(unique_ptr<LogicalOperator> op, const TableView& view,
                                duckdb::shared_ptr<SessionState> session) {
  auto& original = op->Cast<duckdb::LogicalUpdate>();
  auto change = MakeChange(original.table, view, std::move(session));
  auto& values = original.children.at(0)->Cast<duckdb::LogicalProjection>();
  const idx_t row_id = values.expressions.size() - 1;
  auto& get = TargetOf(values, *values.expressions[row_id]);
  change->table_index = original.table_index;
  change->target.is_update = true;
  change->target.returning = original.return_chunk;
  change->expressions.push_back(
      RefTo(values.expressions[row_id]->return_type, ColumnBinding(values.table_index, row_id)));
  NewRow new_row(original, get, change->target.shape);
  for (auto& column : original.table.GetColumns().Physical()) {
    change->expressions.push_back(new_row.Column(column));
  }
  get.ResolveOperatorTypes();
  const idx_t target_index = get.table_index;
  change->children = std::move(original.children);
  return {std::move(change), target_index};
}

}  // namespace varve::engine
