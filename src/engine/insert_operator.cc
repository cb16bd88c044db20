#include "engine/insert_operator.h"

#include <algorithm>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <duckdb/execution/operator/projection/physical_projection.hpp>
#include <duckdb/execution/physical_operator.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/operator/logical_extension_operator.hpp>
#include <numeric>

#include "base/telemetry.h"
#include "engine/column_reader.h"
#include "engine/duck_guard.h"
#include "model/row_rules.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::PhysicalOperator;
using duckdb::unique_ptr;

namespace {

// What the operator needs of the statement, shared by its logical and physical form.
struct InsertTarget {
  TableRef table;
  duckdb::shared_ptr<SessionState> session;
  std::vector<uint32_t> columns;  // DuckDB's physical column -> index into table->columns
  bool returning = false;
};

// Gathers the rows for RETURNING, with the derived date that the stored rows will have. A date that
// was given and is another one fails the statement before any row is returned.
class ReturnedRows {
 public:
  ReturnedRows(ClientContext& context, const InsertTarget& target,
               const duckdb::vector<duckdb::LogicalType>& types)
      : target_(target), rows_(context, types), types_(types) {}

  void Append(DataChunk& chunk) {
    const auto& derived = target_.table->derived_date;
    if (!derived) return rows_.Append(chunk);
    duckdb::Vector dates(duckdb::LogicalType::DATE, chunk.size());
    duckdb::UnifiedVectorFormat times;
    chunk.data[SourceOf(target_.table->time_column)].ToUnifiedFormat(chunk.size(), times);
    auto* days = duckdb::FlatVector::GetData<duckdb::date_t>(dates);
    for (idx_t row = 0; row < chunk.size(); row++) {
      const auto at = times.sel->get_index(row);
      if (times.validity.RowIsValid(at)) {
        const auto time = duckdb::UnifiedVectorFormat::GetData<duckdb::timestamp_tz_t>(times)[at];
        days[row] = duckdb::date_t(DayOf(time.value));
      } else {
        duckdb::FlatVector::SetNull(dates, row, true);
      }
    }
    DataChunk stored;
    stored.InitializeEmpty(types_);
    stored.Reference(chunk);
    stored.data[SourceOf(*derived)].Reference(dates);
    rows_.Append(stored);
  }
  const duckdb::ColumnDataCollection& rows() const { return rows_; }

 private:
  // The place in DuckDB's row of a column of the table.
  size_t SourceOf(uint32_t column) const {
    const auto& columns = target_.columns;
    return static_cast<size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
  }

  const InsertTarget& target_;
  duckdb::ColumnDataCollection rows_;
  const duckdb::vector<duckdb::LogicalType> types_;
};

// Gathers chunks into batches of at most kBatchRowsMax rows.
class RowCollector {
 public:
  explicit RowCollector(const InsertTarget& target) : target_(target) { Restart(); }

  void Append(DataChunk& chunk) {
    const auto rows = static_cast<uint32_t>(chunk.size());
    if (rows_ + rows > kBatchRowsMax) FinishBatch();
    for (size_t i = 0; i < builders_.size(); i++) {
      auto& builder = builders_[i];
      const Column column = ReadVector(chunk.data[sources_[i]], rows, builder.type());
      builder.AppendRange(column, 0, rows);
    }
    rows_ += rows;
    total_ += rows;
    if (bytes() > kBatchBytesMax) FinishBatch();
    if (batch_bytes_ + bytes() > target_.session->rows_bytes_max) {
      ThrowStatus(WithHint(
          SqlErrorf(sqlstate::kStatementTooComplex, "the statement writes more than {} bytes",
                    target_.session->rows_bytes_max),
          "Write fewer rows in one statement."));
    }
  }

  WriteSet Finish() {
    FinishBatch();
    return std::move(batches_);
  }
  uint64_t total() const { return total_; }

 private:
  static constexpr size_t kBatchBytesMax = size_t{32} << 20;  // well below one log record

  // Columns in ascending id, as a batch has them.
  void Restart() {
    const auto& columns = target_.table->columns;
    sources_.resize(target_.columns.size());
    std::iota(sources_.begin(), sources_.end(), 0u);
    std::sort(sources_.begin(), sources_.end(), [&](uint32_t a, uint32_t b) {
      return columns[target_.columns[a]].id < columns[target_.columns[b]].id;
    });
    builders_.clear();
    for (const auto source : sources_) {
      builders_.emplace_back(columns[target_.columns[source]].type);
    }
    rows_ = 0;
  }

  size_t bytes() const {
    size_t total = 0;
    for (const auto& builder : builders_) total += builder.bytes();
    return total;
  }

  void FinishBatch() {
    if (rows_ == 0) return;
    Batch batch;
    batch.rows = rows_;
    for (size_t i = 0; i < builders_.size(); i++) {
      batch.ids.push_back(target_.table->columns[target_.columns[sources_[i]]].id);
      batch.columns.push_back(builders_[i].Finish());
    }
    ThrowIfError(CompleteBatch(*target_.table, batch));
    batch_bytes_ += batch.MemoryBytes();
    batches_.push_back({target_.table, std::make_shared<const Batch>(std::move(batch))});
    Restart();
  }

  const InsertTarget& target_;
  std::vector<uint32_t> sources_;
  std::vector<ColumnBuilder> builders_;
  uint32_t rows_ = 0;
  uint64_t total_ = 0;
  uint64_t batch_bytes_ = 0;
  WriteSet batches_;
};

struct InsertState : duckdb::GlobalSinkState {
  InsertState(ClientContext& context, const InsertTarget& target,
              const duckdb::vector<duckdb::LogicalType>& types)
      : collector(target), returned(context, target, types) {}
  RowCollector collector;
  WriteSet rows;
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
    result["Table"] = target_.table->name.ToString();
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
    for (auto& rows : state.collector.Finish()) waiting.push_back(std::move(rows));
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
  for (auto& column : original.table.GetColumns().Physical()) {
    const auto index = table->FindColumn(column.Name());
    if (!index) {
      ThrowStatus(SqlErrorf(sqlstate::kInternalError, "column \"{}\" of table \"{}\" is not known",
                            column.Name(), table->name.table));
    }
    redirected->target.columns.push_back(*index);
  }
  redirected->target.table = std::move(table);
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
