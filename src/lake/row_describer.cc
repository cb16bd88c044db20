#include "lake/row_describer.h"

#include <algorithm>
#include <cmath>

#include "base/uuid.h"
#include "lake/iso_time.h"

namespace varve::lake {

// Gathers the statistics of one column.
class ColumnDescriber {
 public:
  virtual ~ColumnDescriber() = default;
  virtual void Add(const BatchSlice& slice) = 0;
  virtual ColumnStats Finish() const = 0;
};

namespace {

size_t RowsIn(const BatchSlice& slice) {
  return slice.rows.empty() ? slice.batch->rows : slice.rows.size();
}

// Calls `visit(column, row)` for every value of the column that is not NULL; returns the NULLs.
template <typename Visit>
int64_t ForEachValue(ColumnId id, const BatchSlice& slice, Visit visit) {
  const Column* column = slice.batch->Find(id);
  const size_t count = RowsIn(slice);
  if (column == nullptr) return static_cast<int64_t>(count);
  int64_t nulls = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t row = slice.rows.empty() ? i : slice.rows[i];
    if (column->IsNull(row)) {
      ++nulls;
    } else {
      visit(*column, row);
    }
  }
  return nulls;
}

template <typename T>
struct Range {
  std::optional<T> min;
  std::optional<T> max;
  int64_t nulls = 0;

  template <typename U>
  void Include(const U& value) {
    if (!min || value < *min) min = T(value);
    if (!max || *max < value) max = T(value);
  }
};

// `format(value, is_max)` gives the text of a bound; unless both bounds have one, neither is kept.
template <typename T, typename Format>
ColumnStats StatsOf(const Range<T>& range, Format format) {
  ColumnStats stats;
  stats.null_count = range.nulls;
  if (!range.min) return stats;
  std::optional<std::string> min = format(*range.min, false);
  std::optional<std::string> max = format(*range.max, true);
  if (min && max) {
    stats.min = std::move(min);
    stats.max = std::move(max);
  }
  return stats;
}

std::string DecimalText(__int128 value, uint8_t scale) {
  const bool negative = value < 0;
  auto magnitude = static_cast<unsigned __int128>(value);
  if (negative) magnitude = -magnitude;
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  while (digits.size() <= scale) digits += '0';
  std::reverse(digits.begin(), digits.end());
  if (scale > 0) digits.insert(digits.size() - scale, ".");
  return negative ? "-" + digits : digits;
}

// ---- text -----------------------------------------------------------------------------------

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the first `chars` characters of UTF-8 text.
size_t PrefixBytes(std::string_view text, size_t chars) {
  size_t bytes = 0;
  while (bytes < text.size()) {
    if (!IsContinuation(text[bytes]) && chars-- == 0) break;
    ++bytes;
  }
  return bytes;
}

// The code point at the end of `text`, and where it begins; nullopt for what is not UTF-8.
struct LastChar {
  size_t begin = 0;
  uint32_t code = 0;
};
std::optional<LastChar> LastCharOf(std::string_view text) {
  size_t begin = text.size();
  while (begin > 0 && IsContinuation(text[begin - 1])) --begin;
  if (begin == 0) return std::nullopt;
  --begin;
  const auto lead = static_cast<unsigned char>(text[begin]);
  const size_t bytes = text.size() - begin;
  const size_t expected = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes != expected) return std::nullopt;
  uint32_t code = bytes == 1 ? lead : lead & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[begin + i]) & 0x3F);
  }
  return LastChar{begin, code};
}

void AppendUtf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

// ---- columns --------------------------------------------------------------------------------

// Of values of one width that are compared as they are.
template <typename T>
class FixedDescriber : public ColumnDescriber {
 public:
  using Format = std::optional<std::string> (*)(const T& value, bool is_max, const Type& type);
  FixedDescriber(const ColumnDef& column, Format format)
      : id_(column.id), type_(column.type), format_(format) {}

  void Add(const BatchSlice& slice) override {
    range_.nulls += ForEachValue(id_, slice, [&](const Column& column, size_t row) {
      range_.Include(column.Fixed<T>(row));
    });
  }
  ColumnStats Finish() const override {
    return StatsOf(range_,
                   [&](const T& value, bool is_max) { return format_(value, is_max, type_); });
  }

 private:
  const ColumnId id_;
  const Type type_;
  const Format format_;
  Range<T> range_;
};

template <typename T>
class FloatDescriber : public ColumnDescriber {
 public:
  explicit FloatDescriber(const ColumnDef& column) : id_(column.id) {}

  void Add(const BatchSlice& slice) override {
    range_.nulls += ForEachValue(id_, slice, [&](const Column& column, size_t row) {
      const double value = column.Fixed<T>(row);
      finite_ = finite_ && std::isfinite(value);
      range_.Include(value);
    });
  }
  ColumnStats Finish() const override {
    Range<double> range = range_;
    if (!finite_) range.min.reset();
    // A float is written as the double that equals it: its shorter text stands for another double.
    return StatsOf(range,
                   [](double value, bool) { return std::optional(fmt::format("{}", value)); });
  }

 private:
  const ColumnId id_;
  Range<double> range_;
  bool finite_ = true;
};

class TextDescriber : public ColumnDescriber {
 public:
  explicit TextDescriber(const ColumnDef& column) : id_(column.id) {}

  void Add(const BatchSlice& slice) override {
    Range<std::string_view> range;
    range_.nulls += ForEachValue(
        id_, slice, [&](const Column& column, size_t row) { range.Include(column.Bytes(row)); });
    if (!range.min) return;
    range_.Include(*range.min);
    range_.Include(*range.max);
  }
  ColumnStats Finish() const override {
    return StatsOf(range_, [](std::string_view value, bool is_max) -> std::optional<std::string> {
      if (is_max) return UpperBoundOfText(value);
      return std::string(value.substr(0, PrefixBytes(value, kTextPrefixChars)));
    });
  }

 private:
  const ColumnId id_;
  Range<std::string> range_;
};

// Of columns that nobody prunes by.
class NullDescriber : public ColumnDescriber {
 public:
  explicit NullDescriber(const ColumnDef& column) : id_(column.id) {}

  void Add(const BatchSlice& slice) override {
    nulls_ += ForEachValue(id_, slice, [](const Column&, size_t) {});
  }
  ColumnStats Finish() const override {
    ColumnStats stats;
    stats.null_count = nulls_;
    return stats;
  }

 private:
  const ColumnId id_;
  int64_t nulls_ = 0;
};

template <typename T>
std::unique_ptr<ColumnDescriber> DescribeFixed(const ColumnDef& column,
                                               typename FixedDescriber<T>::Format format) {
  return std::make_unique<FixedDescriber<T>>(column, format);
}

template <typename T>
std::unique_ptr<ColumnDescriber> DescribeIntegers(const ColumnDef& column) {
  return DescribeFixed<T>(column, [](const T& value, bool, const Type&) {
    return std::optional(std::to_string(value));
  });
}

std::unique_ptr<ColumnDescriber> MakeDescriber(const ColumnDef& column) {
  switch (column.type.kind()) {
    case TypeKind::kInt16:
      return DescribeIntegers<int16_t>(column);
    case TypeKind::kInt32:
      return DescribeIntegers<int32_t>(column);
    case TypeKind::kInt64:
      return DescribeIntegers<int64_t>(column);
    case TypeKind::kFloat32:
      return std::make_unique<FloatDescriber<float>>(column);
    case TypeKind::kFloat64:
      return std::make_unique<FloatDescriber<double>>(column);
    case TypeKind::kDecimal:
      return DescribeFixed<__int128>(column, [](const __int128& value, bool, const Type& type) {
        return std::optional(DecimalText(value, type.scale()));
      });
    case TypeKind::kDate:
      return DescribeFixed<int32_t>(
          column, [](const int32_t& days, bool, const Type&) { return FormatDate(days); });
    case TypeKind::kTimestampTz:
      return DescribeFixed<int64_t>(column, [](const int64_t& micros, bool is_max, const Type&) {
        return FormatMillis(micros, is_max ? Rounding::kUp : Rounding::kDown);
      });
    case TypeKind::kText:
      return std::make_unique<TextDescriber>(column);
    case TypeKind::kUuid:
      return DescribeFixed<Uuid>(column, [](const Uuid& uuid, bool, const Type&) {
        return std::optional(uuid.ToString());
      });
    default:
      return std::make_unique<NullDescriber>(column);
  }
}

}  // namespace

std::optional<std::string> UpperBoundOfText(std::string_view text) {
  const size_t bytes = PrefixBytes(text, kTextPrefixChars);
  if (bytes == text.size()) return std::string(text);
  std::string bound(text.substr(0, bytes));
  // Raise the last character; one that is the highest goes, and the one before it is raised.
  while (!bound.empty()) {
    const std::optional<LastChar> last = LastCharOf(bound);
    if (!last) return std::nullopt;
    bound.resize(last->begin);
    if (last->code >= 0x10FFFF) continue;
    AppendUtf8(bound, last->code == 0xD7FF ? 0xE000 : last->code + 1);
    return bound;
  }
  return std::nullopt;
}

RowDescriber::RowDescriber(TableRef table) : table_(std::move(table)) {
  for (uint32_t i = 0; i < table_->columns.size(); ++i) {
    const auto& partition = table_->partition_columns;
    if (std::find(partition.begin(), partition.end(), i) != partition.end()) continue;
    // Readers disagree on how arrays are counted.
    if (table_->columns[i].type.kind() == TypeKind::kList) continue;
    columns_.push_back({i, MakeDescriber(table_->columns[i])});
  }
}

RowDescriber::~RowDescriber() = default;

void RowDescriber::Add(const BatchSlice& slice) {
  rows_ += static_cast<int64_t>(RowsIn(slice));
  for (const Described& column : columns_) column.describer->Add(slice);
  ForEachValue(table_->columns[table_->time_column].id, slice,
               [&](const Column& column, size_t row) {
                 time_range_.Include(TimestampUs(column.Fixed<int64_t>(row)));
               });
}

DataFile RowDescriber::Finish() const {
  DataFile file;
  file.rows = rows_;
  file.time_range = time_range_;
  for (const Described& column : columns_) {
    file.stats[table_->columns[column.index].name] = column.describer->Finish();
  }
  return file;
}

}  // namespace varve::lake
