#include "engine/kept_rows.h"

#include <algorithm>
#include <duckdb/execution/operator/projection/physical_projection.hpp>
#include <duckdb/execution/physical_operator.hpp>
#include <duckdb/execution/physical_plan_generator.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/operator/logical_extension_operator.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include "engine/column_reader.h"
#include "engine/lake_scan.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::ColumnBinding;
using duckdb::DataChunk;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::PhysicalOperator;
using duckdb::unique_ptr;

namespace {

struct SourcesInfo : duckdb::TableFunctionInfo {
  explicit SourcesInfo(const KeptRows& s) : sources(s) {}
  const KeptRows& sources;
};

// Passes the rows on that are not left out, and describes them. Its input has the row's number as
// the last column.
class PhysicalKeep : public PhysicalOperator {
 public:
  PhysicalKeep(duckdb::PhysicalPlan& plan, std::shared_ptr<KeptFile> file,
               duckdb::vector<LogicalType> output, idx_t estimate)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(output),
                         estimate),
        file_(std::move(file)) {
    const auto& columns = file_->part().table->columns;
    for (uint32_t i = 0; i < file_->part().columns.size(); i++) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
      return columns[file_->part().columns[a]].id < columns[file_->part().columns[b]].id;
    });
  }

  std::string GetName() const override { return "VARVE_KEEP"; }
  bool ParallelOperator() const override { return true; }

  duckdb::OperatorResultType Execute(duckdb::ExecutionContext&, DataChunk& input, DataChunk& out,
                                     duckdb::GlobalOperatorState&,
                                     duckdb::OperatorState&) const override {
    duckdb::UnifiedVectorFormat numbers;
    input.data.back().ToUnifiedFormat(input.size(), numbers);
    const auto* rows = duckdb::UnifiedVectorFormat::GetData<int64_t>(numbers);
    duckdb::SelectionVector kept(input.size());
    idx_t count = 0;
    for (idx_t i = 0; i < input.size(); i++) {
      const auto row = static_cast<uint64_t>(rows[numbers.sel->get_index(i)]);
      if (!file_->part().left_out.IsMarked(row)) kept.set_index(count++, i);
    }
    for (idx_t i = 0; i < out.ColumnCount(); i++) out.data[i].Reference(input.data[i]);
    out.SetCardinality(input.size());
    if (count < input.size()) out.Slice(kept, count);
    if (count > 0) Describe(out);
    return duckdb::OperatorResultType::NEED_MORE_INPUT;
  }

 private:
  void Describe(DataChunk& rows) const {
    const auto& columns = file_->part().table->columns;
    Batch batch;
    batch.rows = static_cast<uint32_t>(rows.size());
    for (const uint32_t place : order_) {
      const auto& column = columns[file_->part().columns[place]];
      batch.ids.push_back(column.id);
      batch.columns.push_back(ReadVector(rows.data[place], batch.rows, column.type));
    }
    file_->Describe(batch);
  }

  const std::shared_ptr<KeptFile> file_;
  std::vector<uint32_t> order_;  // of the columns, by ascending id
};

struct LogicalKeep : duckdb::LogicalExtensionOperator {
  std::shared_ptr<KeptFile> file;
  idx_t table_index = 0;

  std::string GetName() const override { return "VARVE_KEEP"; }
  std::string GetExtensionName() const override { return "varve"; }
  bool SupportSerialization() const override { return false; }

  PhysicalOperator& CreatePlan(ClientContext&, duckdb::PhysicalPlanGenerator& generator) override {
    auto& input = generator.CreatePlan(*children[0]);
    duckdb::vector<LogicalType> input_types;
    for (const auto& expression : expressions) input_types.push_back(expression->return_type);
    auto& ordered = generator.Make<duckdb::PhysicalProjection>(
        std::move(input_types), std::move(expressions), input.estimated_cardinality);
    ordered.children.push_back(input);
    auto& keep = generator.Make<PhysicalKeep>(file, types, input.estimated_cardinality);
    keep.children.push_back(ordered);
    return keep;
  }
  duckdb::vector<ColumnBinding> GetColumnBindings() override {
    return GenerateColumnBindings(table_index, file->part().columns.size());
  }
  duckdb::vector<idx_t> GetTableIndex() const override { return {table_index}; }
  void ResolveTypes() override {
    const auto& scanned = children[0]->types;
    types.assign(scanned.begin(), scanned.end() - 1);
  }
};

unique_ptr<duckdb::LogicalOperator> BindKeptRows(ClientContext& context,
                                                 duckdb::TableFunctionBindInput& input,
                                                 idx_t bind_index,
                                                 duckdb::vector<std::string>& names) {
  const auto number = input.inputs.at(0).GetValue<int64_t>();
  auto file = static_cast<SourcesInfo&>(*input.info).sources.Find(static_cast<uint64_t>(number));
  if (!file) throw duckdb::BinderException("varve_kept_rows(%d) is not there", number);
  const KeptPart& part = file->part();
  for (const uint32_t column : part.columns) names.push_back(part.table->columns[column].name);
  auto keep = duckdb::make_uniq<LogicalKeep>();
  auto& binder = *input.binder;
  auto scan = MakeFileScan(context, binder, binder.GenerateTableIndex(), part.table, part.columns,
                           part.file, part.store);
  // The optimizer takes away columns that no expression refers to: refer to all of them.
  const auto bindings = scan->GetColumnBindings();
  for (idx_t i = 0; i < bindings.size(); i++) {
    keep->expressions.push_back(
        duckdb::make_uniq<duckdb::BoundColumnRefExpression>(scan->types[i], bindings[i]));
  }
  keep->children.push_back(std::move(scan));
  keep->file = std::move(file);
  keep->table_index = bind_index;
  keep->ResolveOperatorTypes();
  return keep;
}

}  // namespace

std::unique_ptr<KeptRows::Lease> KeptRows::Add(std::shared_ptr<KeptFile> file) {
  MutexLock lock(mu_);
  files_.emplace(++last_, std::move(file));
  return std::make_unique<Lease>(*this, last_);
}

std::shared_ptr<KeptFile> KeptRows::Find(uint64_t number) const {
  MutexLock lock(mu_);
  const auto found = files_.find(number);
  return found == files_.end() ? nullptr : found->second;
}

void KeptRows::Remove(uint64_t number) {
  MutexLock lock(mu_);
  files_.erase(number);
}

void KeptRows::Register(duckdb::DatabaseInstance& db) {
  duckdb::TableFunction function("varve_kept_rows", {LogicalType::BIGINT}, nullptr);
  function.bind_operator = BindKeptRows;
  function.function_info = duckdb::make_shared_ptr<SourcesInfo>(*this);
  duckdb::ExtensionLoader loader(db, "varve_kept_rows");
  loader.RegisterFunction(std::move(function));
}

}  // namespace varve::engine
