#include "engine/insert_operator.h"

#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/execution/operator/projection/physical_projection.hpp>
#include <duckdb/execution/physical_operator.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/operator/logical_extension_operator.hpp>

#include "base/telemetry.h"
#include "engine/row_collector.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::PhysicalOperator;
using duckdb::unique_ptr;

namespace {

// What the operator needs of the statement, shared by its logical and physical form.
struct InsertTarget {
  RowShape shape;
  duckdb::shared_ptr<SessionState> session;
  bool returning = false;
};

struct InsertState : duckdb::GlobalSinkState {
  InsertState(ClientContext& context, const InsertTarget& target,
              const duckdb::vector<duckdb::LogicalType>& types)
      : collector(target.shape, target.session->rows_bytes_max),
        returned(context, target.shape, types) {}
  RowCollector collector;
  ReturnedRows returned;  // RETURNING only
};

struct InsertSource : duckdb::GlobalSourceState {
  duckdb::ColumnDataScanState scan;
};

class PhysicalVarveInsert : public PhysicalOperator {
 public:
  PhysicalVarveInsert(duckdb::PhysicalPlan& plan, InsertTarget target,
                      duckdb::vector<duckdb::LogicalType> output, idx_t estimate)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(output),
                         estimate),
        target_(std::move(target)) {}

  std::string GetName() const override { return "VARVE_INSERT"; }
  duckdb::InsertionOrderPreservingMap<std::string> ParamsToString() const override {
    duckdb::InsertionOrderPreservingMap<std::string> result;
    result["Table"] = target_.shape.table->name.ToString();
    return result;
  }

  bool IsSink() const override { return true; }
  bool SinkOrderDependent() const override { return true; }
  unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(ClientContext& context) const override {
    return duckdb::make_uniq<InsertState>(context, target_, children[0].get().types);
  }
  duckdb::SinkResultType Sink(duckdb::ExecutionContext&, DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override {
    auto& state = input.global_state.Cast<InsertState>();
    if (target_.returning) state.returned.Append(chunk);
    state.collector.Append(chunk);
    return duckdb::SinkResultType::NEED_MORE_INPUT;
  }
  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline&, duckdb::Event&, ClientContext&,
                                    duckdb::OperatorSinkFinalizeInput& input) const override {
    auto& state = input.global_state.Cast<InsertState>();
    auto& waiting = target_.session->statement_rows;
    for (auto& batch : state.collector.Finish()) {
      waiting.push_back({target_.shape.table, std::move(batch)});
    }
    return duckdb::SinkFinalizeType::READY;
  }

  bool IsSource() const override { return true; }
  unique_ptr<duckdb::GlobalSourceState> GetGlobalSourceState(ClientContext&) const override {
    auto source = duckdb::make_uniq<InsertSource>();
    sink_state->Cast<InsertState>().returned.rows().InitializeScan(source->scan);
    return source;
  }
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext&, DataChunk& out,
                                           duckdb::OperatorSourceInput& input) const override {
    auto& state = sink_state->Cast<InsertState>();
    if (target_.returning) {
      state.returned.rows().Scan(input.global_state.Cast<InsertSource>().scan, out);
      return out.size() == 0 ? duckdb::SourceResultType::FINISHED
                             : duckdb::SourceResultType::HAVE_MORE_OUTPUT;
    }
    out.SetCardinality(1);
    out.SetValue(0, 0, duckdb::Value::BIGINT(static_cast<int64_t>(state.collector.total())));
    return duckdb::SourceResultType::FINISHED;
  }

 private:
  const InsertTarget target_;
};

struct LogicalVarveInsert : duckdb::LogicalExtensionOperator {
  unique_ptr<duckdb::LogicalOperator> original;  // for its column map, defaults and bindings
  InsertTarget target;

  duckdb::LogicalInsert& insert() { return original->Cast<duckdb::LogicalInsert>(); }
  std::string GetName() const override { return "VARVE_INSERT"; }
  std::string GetExtensionName() const override { return "varve"; }
  bool SupportSerialization() const override { return false; }

  PhysicalOperator& CreatePlan(ClientContext&, duckdb::PhysicalPlanGenerator& generator) override {
    auto& input = generator.CreatePlan(*children[0]);
    duckdb::vector<duckdb::LogicalType> input_types;
    for (const auto& expression : expressions) input_types.push_back(expression->return_type);
    auto& ordered = generator.Make<duckdb::PhysicalProjection>(
        std::move(input_types), std::move(expressions), input.estimated_cardinality);
    ordered.children.push_back(input);
    auto& full = insert().column_index_map.empty()
                     ? ordered
                     : generator.ResolveDefaultsProjection(insert(), ordered);
    auto& sink = generator.Make<PhysicalVarveInsert>(target, types, input.estimated_cardinality);
    sink.children.push_back(full);
    return sink;
  }
  duckdb::vector<duckdb::ColumnBinding> GetColumnBindings() override {
    const idx_t width = target.returning ? insert().table.GetTypes().size() : 1;
    return GenerateColumnBindings(insert().table_index, width);
  }
  duckdb::vector<idx_t> GetTableIndex() const override {
    return {original->Cast<duckdb::LogicalInsert>().table_index};
  }
  void ResolveTypes() override {
    if (target.returning) {
      types = insert().table.GetTypes();
    } else {
      types = {duckdb::LogicalType::BIGINT};
    }
  }
};

}  // namespace

unique_ptr<duckdb::LogicalOperator> RedirectInsert(unique_ptr<duckdb::LogicalOperator> insert,
                                                   TableRef table,
                                                   duckdb::shared_ptr<SessionState> session) {
  static Counter& planned = Telemetry::Get().GetCounter(
      "varve_insert_statements_total",
      "INSERT statements on Varve tables, by who reads the values.", "values=\"engine\"");
  planned.Add();
  auto& original = insert->Cast<duckdb::LogicalInsert>();
  auto redirected = duckdb::make_uniq<LogicalVarveInsert>();
  redirected->target.returning = original.return_chunk;
  redirected->target.shape = ShapeOf(original.table, std::move(table));
  redirected->target.session = std::move(session);
  redirected->children = std::move(original.children);
  // The optimizer takes away columns that no expression refers to: refer to all of them.
  auto& rows = *redirected->children.at(0);
  rows.ResolveOperatorTypes();
  const auto bindings = rows.GetColumnBindings();
  for (idx_t i = 0; i < bindings.size(); i++) {
    redirected->expressions.push_back(
        duckdb::make_uniq<duckdb::BoundColumnRefExpression>(rows.types[i], bindings[i]));
  }
  redirected->original = std::move(insert);
  redirected->ResolveOperatorTypes();
  return redirected;
}

}  // namespace varve::engine
