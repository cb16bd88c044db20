#include "model/column.h"

#include <algorithm>

namespace varve {
namespace {

Status Broken(std::string_view what) { return DataLoss("column is malformed: {}", what); }

bool OffsetsAscend(const std::vector<uint32_t>& offsets, size_t rows, size_t limit) {
  return offsets.size() == rows + 1 && offsets.front() == 0 && offsets.back() == limit &&
         std::is_sorted(offsets.begin(), offsets.end());
}

}  // namespace

size_t Column::MemoryBytes() const {
  return sizeof(Column) + validity.capacity() + values.capacity() +
         offsets.capacity() * sizeof(uint32_t) + bytes.capacity() +
         (child ? child->MemoryBytes() : 0);
}

Status Column::Validate() const {
  if (!validity.empty() && validity.size() != (size_t{rows} + 7) / 8)
    return Broken("validity size");
  switch (type.Physical()) {
    case PhysicalType::kBytes:
      if (!OffsetsAscend(offsets, rows, bytes.size())) return Broken("text offsets");
      return OkStatus();
    case PhysicalType::kList:
      if (!child || !(child->type == type.element())) return Broken("list without elements");
      if (!OffsetsAscend(offsets, rows, child->rows)) return Broken("list offsets");
      return child->Validate();
    default:
      if (values.size() != size_t{rows} * type.FixedBytes()) return Broken("values size");
      return OkStatus();
  }
}

bool Column::operator==(const Column& other) const {
  if (!(type == other.type) || rows != other.rows) return false;
  for (size_t row = 0; row < rows; ++row) {
    if (IsNull(row) != other.IsNull(row)) return false;
  }
  if (values != other.values || offsets != other.offsets || bytes != other.bytes) return false;
  if (!child || !other.child) return !child && !other.child;
  return *child == *other.child;
}

ColumnBuilder::ColumnBuilder(Type type) : width_(type.FixedBytes()) {
  column_.type = std::move(type);
  if (width_ == 0) column_.offsets.push_back(0);
  if (column_.type.kind() == TypeKind::kList) {
    element_ = std::make_unique<ColumnBuilder>(column_.type.element());
  }
}

void ColumnBuilder::Reserve(size_t rows) {
  if (width_ != 0) {
    column_.values.reserve(rows * width_);
  } else {
    column_.offsets.reserve(rows + 1);
  }
}

void ColumnBuilder::MaterialiseValidity() {
  has_nulls_ = true;
  column_.validity.assign((size_t{column_.rows} + 7) / 8, 0xFF);
  if ((column_.rows & 7) != 0) {
    column_.validity.back() = static_cast<uint8_t>((1u << (column_.rows & 7)) - 1);
  }
}

void ColumnBuilder::MarkValid(bool valid) {
  if (!valid && !has_nulls_) MaterialiseValidity();
  if (has_nulls_) {
    if ((column_.rows & 7) == 0) column_.validity.push_back(0);
    if (valid) column_.validity.back() |= static_cast<uint8_t>(1u << (column_.rows & 7));
  }
  ++column_.rows;
}

void ColumnBuilder::AppendNull() {
  if (width_ != 0) {
    column_.values.resize(column_.values.size() + width_);
  } else {
    column_.offsets.push_back(column_.offsets.back());
  }
  MarkValid(false);
}

void ColumnBuilder::AppendNulls(size_t count) {
  for (size_t i = 0; i < count; ++i) AppendNull();
}

void ColumnBuilder::AppendFixedBytes(const void* value, size_t width) {
  VARVE_DCHECK(width == width_);
  const auto* from = static_cast<const uint8_t*>(value);
  column_.values.insert(column_.values.end(), from, from + width);
  MarkValid(true);
}

void ColumnBuilder::AppendBytes(std::string_view value) {
  VARVE_CHECK(column_.bytes.size() + value.size() <= UINT32_MAX);
  column_.bytes.insert(column_.bytes.end(), value.begin(), value.end());
  column_.offsets.push_back(static_cast<uint32_t>(column_.bytes.size()));
  MarkValid(true);
}

void ColumnBuilder::AppendList() {
  column_.offsets.push_back(element_->rows());
  MarkValid(true);
}

void ColumnBuilder::AppendFrom(const Column& source, size_t row) {
  AppendRange(source, row, row + 1);
}

void ColumnBuilder::AppendRange(const Column& source, size_t begin, size_t end) {
  VARVE_DCHECK(source.type == column_.type);
  if (begin == end) return;
  if (width_ != 0) {
    column_.values.insert(column_.values.end(), source.values.begin() + begin * width_,
                          source.values.begin() + end * width_);
  } else {
    const uint32_t first = source.offsets[begin];
    const uint32_t last = source.offsets[end];
    const uint32_t base = column_.offsets.back();
    VARVE_CHECK(size_t{base} + (last - first) <= UINT32_MAX);
    if (element_) {
      element_->AppendRange(*source.child, first, last);
    } else {
      column_.bytes.insert(column_.bytes.end(), source.bytes.begin() + first,
                           source.bytes.begin() + last);
    }
    for (size_t row = begin; row < end; ++row) {
      column_.offsets.push_back(base + (source.offsets[row + 1] - first));
    }
  }
  if (!source.HasNulls() && !has_nulls_) {
    column_.rows += static_cast<uint32_t>(end - begin);
    return;
  }
  for (size_t row = begin; row < end; ++row) MarkValid(!source.IsNull(row));
}

void ColumnBuilder::Truncate(uint32_t rows) {
  VARVE_CHECK(rows <= column_.rows);
  if (width_ != 0) {
    column_.values.resize(size_t{rows} * width_);
  } else {
    column_.offsets.resize(size_t{rows} + 1);
    // Elements of a list that was not ended yet are beyond the last offset: they go as well.
    if (element_) {
      element_->Truncate(column_.offsets.back());
    } else {
      column_.bytes.resize(column_.offsets.back());
    }
  }
  column_.rows = rows;
  if (has_nulls_) {
    column_.validity.resize((size_t{rows} + 7) / 8);
    if ((rows & 7) != 0) column_.validity.back() &= static_cast<uint8_t>((1u << (rows & 7)) - 1);
  }
}

Column ColumnBuilder::Finish() {
  Column done = std::move(column_);
  if (element_) done.child = std::make_shared<const Column>(element_->Finish());
  column_ = Column{};
  column_.type = done.type;
  if (width_ == 0) column_.offsets.push_back(0);
  has_nulls_ = false;
  return done;
}

}  // namespace varve
