// Holds the values of one column of one batch, in the shape in which log, buffer and results share
// them.
//
// Layout:   validity: one bit per row, least significant first, 1 = present, empty when no value is
//           NULL; fixed types: values, rows x FixedBytes(), little-endian, a NULL's bytes are 0;
//           bytes types: offsets, rows + 1 x u32 from 0, and the bytes themselves; lists: offsets
//           into `child`, a column of the element type. Spec: docs/formats/log.md.
// Limits:   bytes and child rows of one column stay below 2^32; the builder refuses before that.
// Threads:  Column is immutable once built; ColumnBuilder has a single owner.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "model/type.h"

namespace varve {

struct Column {
  Type type;
  uint32_t rows = 0;
  std::vector<uint8_t> validity;
  std::vector<uint8_t> values;
  std::vector<uint32_t> offsets;
  std::vector<uint8_t> bytes;
  std::shared_ptr<const Column> child;

  bool IsNull(size_t row) const {
    return !validity.empty() && (validity[row >> 3] >> (row & 7) & 1) == 0;
  }
  bool HasNulls() const { return !validity.empty(); }

  // The value at `row` of a fixed type; sizeof(T) must equal type.FixedBytes().
  template <typename T>
  T Fixed(size_t row) const {
    VARVE_DCHECK(sizeof(T) == type.FixedBytes());
    T value;
    std::memcpy(&value, values.data() + row * sizeof(T), sizeof(T));
    return value;
  }
  // The value at `row` of a bytes type; valid as long as the column.
  std::string_view Bytes(size_t row) const {
    return {reinterpret_cast<const char*>(bytes.data()) + offsets[row],
            offsets[row + 1] - offsets[row]};
  }
  // Rows [first, second) of `child` that form the list at `row`.
  std::pair<uint32_t, uint32_t> ListRange(size_t row) const {
    return {offsets[row], offsets[row + 1]};
  }

  // Heap bytes held, children included; what the memory budget is charged.
  size_t MemoryBytes() const;

  // Checks every size and offset; for columns decoded from outside. DataLoss says what is wrong.
  Status Validate() const;

  bool operator==(const Column& other) const;
};

// Appends values row by row. Type errors are the caller's bug (DCHECK), not user errors.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type);

  const Type& type() const { return column_.type; }
  uint32_t rows() const { return column_.rows; }
  size_t bytes() const { return column_.values.size() + column_.bytes.size(); }

  void Reserve(size_t rows);
  void AppendNull();
  void AppendNulls(size_t count);
  template <typename T>
  void AppendFixed(T value) {
    VARVE_DCHECK(sizeof(T) == width_);
    AppendFixedBytes(&value, sizeof(T));
  }
  void AppendBytes(std::string_view value);
  // Lists: append elements to element_builder(), then end the list with AppendList().
  ColumnBuilder& element_builder() { return *element_; }
  void AppendList();
  // Copies row `row` of `source`, which has this type.
  void AppendFrom(const Column& source, size_t row);
  // Copies rows [begin, end) of `source`.
  void AppendRange(const Column& source, size_t begin, size_t end);
  // Takes back the rows after `rows`: a failed row leaves no half behind.
  void Truncate(uint32_t rows);

  // Ends building; the builder is empty afterwards and can be used again.
  Column Finish();

 private:
  void AppendFixedBytes(const void* value, size_t width);
  void MarkValid(bool valid);
  void MaterialiseValidity();

  size_t width_;
  Column column_;
  bool has_nulls_ = false;
  std::unique_ptr<ColumnBuilder> element_;
};

}  // namespace varve
