#include "model/row_order.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace varve {
namespace {

// A row and the head of its first key as a number that sorts like the key, so that most comparisons
// touch neither batch.
struct SortRow {
  uint64_t head = 0;
  RowRef ref;
};

constexpr uint64_t kNullHead = UINT64_MAX;

template <typename T>
int Compare(const T& a, const T& b) {
  if (a < b) return -1;
  return b < a ? 1 : 0;
}

template <typename T>
int CompareFloats(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return Compare(std::isnan(a), std::isnan(b));
  return Compare(a, b);
}

__int128 Micros(const Interval& interval) {
  constexpr __int128 kDay = 86'400'000'000;
  return (static_cast<__int128>(interval.months) * 30 + interval.days) * kDay + interval.micros;
}

template <typename T>
int CompareFixed(const Column& a, size_t a_row, const Column& b, size_t b_row) {
  return Compare(a.Fixed<T>(a_row), b.Fixed<T>(b_row));
}

// Two values that are there, of columns of one type.
int CompareValues(const Column& a, size_t a_row, const Column& b, size_t b_row) {
  switch (a.type.kind()) {
    case TypeKind::kFloat32:
      return CompareFloats(a.Fixed<float>(a_row), b.Fixed<float>(b_row));
    case TypeKind::kFloat64:
      return CompareFloats(a.Fixed<double>(a_row), b.Fixed<double>(b_row));
    case TypeKind::kInterval:
      return Compare(Micros(a.Fixed<Interval>(a_row)), Micros(b.Fixed<Interval>(b_row)));
    case TypeKind::kUuid:
      return std::memcmp(a.values.data() + a_row * 16, b.values.data() + b_row * 16, 16);
    default:
      break;
  }
  switch (a.type.Physical()) {
    case PhysicalType::kFixed1:
      return CompareFixed<uint8_t>(a, a_row, b, b_row);
    case PhysicalType::kFixed2:
      return CompareFixed<int16_t>(a, a_row, b, b_row);
    case PhysicalType::kFixed4:
      return CompareFixed<int32_t>(a, a_row, b, b_row);
    case PhysicalType::kFixed8:
      return CompareFixed<int64_t>(a, a_row, b, b_row);
    case PhysicalType::kFixed16:
      return CompareFixed<__int128>(a, a_row, b, b_row);
    case PhysicalType::kBytes:
      return a.Bytes(a_row).compare(b.Bytes(b_row));
    case PhysicalType::kList:
      break;
  }
  return 0;
}

uint64_t HeadOfBytes(std::string_view bytes) {
  uint64_t head = 0;
  for (size_t i = 0; i < sizeof(head); ++i) {
    head = head << 8 | (i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0);
  }
  return head;
}

uint64_t HeadOfInteger(int64_t value) { return static_cast<uint64_t>(value) ^ (uint64_t{1} << 63); }

// Never above the head of a greater value; equal heads say nothing.
uint64_t HeadOfValue(const Column& column, size_t row) {
  switch (column.type.kind()) {
    case TypeKind::kInt16:
      return HeadOfInteger(column.Fixed<int16_t>(row));
    case TypeKind::kInt32:
    case TypeKind::kDate:
      return HeadOfInteger(column.Fixed<int32_t>(row));
    case TypeKind::kInt64:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return HeadOfInteger(column.Fixed<int64_t>(row));
    case TypeKind::kText:
    case TypeKind::kJson:
    case TypeKind::kBytea:
      return HeadOfBytes(column.Bytes(row));
    default:
      return 0;
  }
}

uint64_t HeadOf(const Column* column, size_t row, bool descending) {
  if (column == nullptr || column->IsNull(row)) return kNullHead;
  const uint64_t head = HeadOfValue(*column, row);
  return descending ? ~head : head;
}

// One key's column in each batch; nullptr where no row fills it.
struct KeyColumns {
  bool descending = false;
  std::vector<const Column*> of_batch;
};

class RowLess {
 public:
  RowLess(const TableDef& table, std::span<const SortKey> keys, std::span<const BatchRef> batches) {
    for (const SortKey& key : keys) {
      KeyColumns& columns = keys_.emplace_back();
      columns.descending = key.descending;
      for (const BatchRef& batch : batches) {
        columns.of_batch.push_back(batch->Find(table.columns[key.column].id));
      }
    }
  }

  uint64_t HeadOfRow(RowRef ref) const {
    return HeadOf(keys_[0].of_batch[ref.batch], ref.row, keys_[0].descending);
  }

  bool operator()(const SortRow& a, const SortRow& b) const {
    if (a.head != b.head) return a.head < b.head;
    for (const KeyColumns& key : keys_) {
      if (const int order = CompareKeys(key, a.ref, b.ref); order != 0) return order < 0;
    }
    return a.ref.batch != b.ref.batch ? a.ref.batch < b.ref.batch : a.ref.row < b.ref.row;
  }

 private:
  static int CompareKeys(const KeyColumns& key, RowRef a, RowRef b) {
    const Column* a_column = key.of_batch[a.batch];
    const Column* b_column = key.of_batch[b.batch];
    const bool a_null = a_column == nullptr || a_column->IsNull(a.row);
    const bool b_null = b_column == nullptr || b_column->IsNull(b.row);
    if (a_null || b_null) return Compare(a_null, b_null);
    const int order = CompareValues(*a_column, a.row, *b_column, b.row);
    return key.descending ? -order : order;
  }

  std::vector<KeyColumns> keys_;
};

}  // namespace

void SortRows(const TableDef& table, std::span<const SortKey> keys,
              std::span<const BatchRef> batches, std::vector<RowRef>& rows) {
  if (keys.empty()) return;
  const RowLess less(table, keys, batches);
  std::vector<SortRow> sorted;
  sorted.reserve(rows.size());
  for (const RowRef ref : rows) sorted.push_back({less.HeadOfRow(ref), ref});
  std::sort(sorted.begin(), sorted.end(), std::cref(less));
  std::transform(sorted.begin(), sorted.end(), rows.begin(),
                 [](const SortRow& row) { return row.ref; });
}

Batch Gather(std::span<const BatchRef> batches, std::span<const RowRef> rows) {
  std::map<ColumnId, std::vector<const Column*>> sources;
  std::vector<uint32_t> used;
  for (const RowRef ref : rows) {
    if (used.empty() || used.back() != ref.batch) used.push_back(ref.batch);
  }
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  for (const uint32_t b : used) {
    for (size_t i = 0; i < batches[b]->ids.size(); ++i) {
      auto& of_batch = sources[batches[b]->ids[i]];
      of_batch.resize(batches.size());
      of_batch[b] = &batches[b]->columns[i];
    }
  }
  Batch gathered;
  gathered.rows = static_cast<uint32_t>(rows.size());
  for (const auto& [id, of_batch] : sources) {
    const auto filled = std::find_if(of_batch.begin(), of_batch.end(), [](auto* c) { return c; });
    ColumnBuilder builder((*filled)->type);
    builder.Reserve(rows.size());
    for (const RowRef ref : rows) {
      const Column* column = of_batch[ref.batch];
      if (column == nullptr) {
        builder.AppendNull();
      } else {
        builder.AppendFrom(*column, ref.row);
      }
    }
    gathered.ids.push_back(id);
    gathered.columns.push_back(builder.Finish());
  }
  return gathered;
}

}  // namespace varve
