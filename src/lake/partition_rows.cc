#include "lake/partition_rows.h"

#include <unordered_map>
#include <utility>

#include "lake/partition_path.h"

namespace varve::lake {
namespace {

// Appends the value at `row` in a form that differs whenever the value does.
void AppendKey(const Column* column, size_t row, std::string& key) {
  if (column == nullptr || column->IsNull(row)) {
    key.push_back('\0');
    return;
  }
  key.push_back('\1');
  const size_t width = column->type.FixedBytes();
  if (width != 0) {
    key.append(reinterpret_cast<const char*>(column->values.data()) + row * width, width);
    return;
  }
  const std::string_view bytes = column->Bytes(row);
  const uint64_t length = bytes.size();
  key.append(reinterpret_cast<const char*>(&length), sizeof(length));
  key.append(bytes);
}

class Grouping {
 public:
  explicit Grouping(const TableDef& table) : table_(table) {}

  Status Add(const BatchRef& batch) {
    std::vector<const Column*> columns;
    columns.reserve(table_.partition_columns.size());
    for (const uint32_t column : table_.partition_columns) {
      columns.push_back(batch->Find(table_.columns[column].id));
    }
    // By group, and the rows of this batch in it. Neighbouring rows are mostly of one partition, so
    // the group of the row before is tried first.
    std::map<size_t, std::vector<uint32_t>> rows;
    std::vector<uint32_t>* last_rows = nullptr;
    std::string key;
    std::string last_key;
    for (uint32_t row = 0; row < batch->rows; ++row) {
      key.clear();
      for (const Column* column : columns) AppendKey(column, row, key);
      if (last_rows == nullptr || key != last_key) {
        VARVE_ASSIGN_OR_RETURN(const size_t group, GroupOf(key, columns, row));
        last_rows = &rows[group];
        last_key = key;
      }
      last_rows->push_back(row);
    }
    for (auto& [group, chosen] : rows) {
      PartitionGroup& into = groups_[group];
      into.rows += static_cast<int64_t>(chosen.size());
      if (chosen.size() == batch->rows) chosen.clear();  // empty: all of them
      into.slices.push_back({batch, std::move(chosen)});
    }
    return OkStatus();
  }

  std::vector<PartitionGroup> Take() { return std::move(groups_); }

 private:
  Result<size_t> GroupOf(const std::string& key, const std::vector<const Column*>& columns,
                         uint32_t row) {
    const auto [at, is_new] = by_key_.try_emplace(key, groups_.size());
    if (!is_new) return at->second;
    PartitionGroup group;
    for (size_t i = 0; i < columns.size(); ++i) {
      const ColumnDef& column = table_.columns[table_.partition_columns[i]];
      auto value = PartitionValue(columns[i], row);
      if (!value.ok()) return Annotate(value.status(), "partition column \"" + column.name + "\"");
      group.values[column.name] = *std::move(value);
    }
    groups_.push_back(std::move(group));
    return at->second;
  }

  const TableDef& table_;
  std::vector<PartitionGroup> groups_;
  std::unordered_map<std::string, size_t> by_key_;
};

}  // namespace

Result<std::vector<PartitionGroup>> PartitionRows(const TableDef& table,
                                                  std::span<const BatchRef> batches) {
  Grouping grouping(table);
  for (const BatchRef& batch : batches) VARVE_RETURN_IF_ERROR(grouping.Add(batch));
  return grouping.Take();
}

}  // namespace varve::lake
