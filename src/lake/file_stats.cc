#include "lake/file_stats.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/uuid.h"
#include "lake/iso_time.h"
#include "lake/json_text.h"

namespace varve::lake {
namespace {

namespace ondemand = simdjson::ondemand;

// ---- of rows --------------------------------------------------------------------------------

// Calls `visit(column, row)` for every value of the column that is not NULL; returns the NULLs.
template <typename Visit>
int64_t ForEachValue(ColumnId id, const std::vector<BatchSlice>& slices, Visit visit) {
  int64_t nulls = 0;
  for (const BatchSlice& slice : slices) {
    const Column* column = slice.batch->Find(id);
    const size_t count = slice.rows.empty() ? slice.batch->rows : slice.rows.size();
    if (column == nullptr) {
      nulls += static_cast<int64_t>(count);
      continue;
    }
    for (size_t i = 0; i < count; ++i) {
      const size_t row = slice.rows.empty() ? i : slice.rows[i];
      if (column->IsNull(row)) {
        ++nulls;
      } else {
        visit(*column, row);
      }
    }
  }
  return nulls;
}

template <typename T>
struct Range {
  std::optional<T> min;
  std::optional<T> max;
  int64_t nulls = 0;

  void Include(const T& value) {
    if (!min || value < *min) min = value;
    if (!max || *max < value) max = value;
  }
};

template <typename T>
Range<T> RangeOf(ColumnId id, const std::vector<BatchSlice>& slices) {
  Range<T> range;
  range.nulls = ForEachValue(
      id, slices, [&](const Column& column, size_t row) { range.Include(column.Fixed<T>(row)); });
  return range;
}

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

template <typename T>
ColumnStats IntegerStats(ColumnId id, const std::vector<BatchSlice>& slices) {
  return StatsOf(RangeOf<T>(id, slices),
                 [](T value, bool) { return std::optional(std::to_string(value)); });
}

template <typename T>
ColumnStats FloatStats(ColumnId id, const std::vector<BatchSlice>& slices) {
  Range<double> range;
  bool finite = true;
  range.nulls = ForEachValue(id, slices, [&](const Column& column, size_t row) {
    const double value = column.Fixed<T>(row);
    finite = finite && std::isfinite(value);
    range.Include(value);
  });
  if (!finite) range.min.reset();
  // A float is written as the double that equals it: its shorter text stands for another double.
  return StatsOf(range, [](double value, bool) { return std::optional(fmt::format("{}", value)); });
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

ColumnStats DecimalStats(const ColumnDef& column, const std::vector<BatchSlice>& slices) {
  return StatsOf(RangeOf<__int128>(column.id, slices), [&](__int128 value, bool) {
    return std::optional(DecimalText(value, column.type.scale()));
  });
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

ColumnStats TextStats(ColumnId id, const std::vector<BatchSlice>& slices) {
  Range<std::string_view> range;
  range.nulls = ForEachValue(
      id, slices, [&](const Column& column, size_t row) { range.Include(column.Bytes(row)); });
  return StatsOf(range, [](std::string_view value, bool is_max) -> std::optional<std::string> {
    if (is_max) return UpperBoundOfText(value);
    return std::string(value.substr(0, PrefixBytes(value, kTextPrefixChars)));
  });
}

ColumnStats ColumnStatsOf(const ColumnDef& column, const std::vector<BatchSlice>& slices) {
  switch (column.type.kind()) {
    case TypeKind::kInt16:
      return IntegerStats<int16_t>(column.id, slices);
    case TypeKind::kInt32:
      return IntegerStats<int32_t>(column.id, slices);
    case TypeKind::kInt64:
      return IntegerStats<int64_t>(column.id, slices);
    case TypeKind::kFloat32:
      return FloatStats<float>(column.id, slices);
    case TypeKind::kFloat64:
      return FloatStats<double>(column.id, slices);
    case TypeKind::kDecimal:
      return DecimalStats(column, slices);
    case TypeKind::kDate:
      return StatsOf(RangeOf<int32_t>(column.id, slices),
                     [](int32_t days, bool) { return FormatDate(days); });
    case TypeKind::kTimestampTz:
      return StatsOf(RangeOf<int64_t>(column.id, slices), [](int64_t micros, bool is_max) {
        return FormatMillis(micros, is_max ? Rounding::kUp : Rounding::kDown);
      });
    case TypeKind::kText:
      return TextStats(column.id, slices);
    case TypeKind::kUuid:
      return StatsOf(RangeOf<Uuid>(column.id, slices),
                     [](const Uuid& uuid, bool) { return std::optional(uuid.ToString()); });
    default: {
      ColumnStats stats;
      stats.null_count = ForEachValue(column.id, slices, [](const Column&, size_t) {});
      return stats;
    }
  }
}

// ---- JSON -----------------------------------------------------------------------------------

bool IsNumber(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kFloat32:
    case TypeKind::kFloat64:
    case TypeKind::kDecimal:
      return true;
    default:
      return false;
  }
}

// {"a":1,"b":"x"} of the columns for which `text_of` has a text.
template <typename TextOf>
std::string ValuesJson(const TableDef& table, const DataFile& file, TextOf text_of) {
  std::string out;
  for (const ColumnDef& column : table.columns) {
    const auto stats = file.stats.find(column.name);
    if (stats == file.stats.end()) continue;
    const std::optional<std::string> text = text_of(column, stats->second);
    if (!text) continue;
    out += out.empty() ? "" : ",";
    out += QuoteJson(column.name) + ":" + *text;
  }
  return "{" + out + "}";
}

// The text of a scalar without quotes. Numbers keep their digits: as doubles they would be rounded
// and no longer be bounds.
std::optional<std::string> ScalarText(ondemand::value value) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return std::nullopt;
  if (type == ondemand::json_type::string) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
    return std::string(text);
  }
  if (type != ondemand::json_type::number) return std::nullopt;
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return std::string(token);
}

// Calls `visit(column name, value)` for each member; false when the JSON is broken.
template <typename Visit>
bool ForEachMember(ondemand::value value, Visit visit) {
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto member : object) {
    std::string_view key;
    ondemand::value member_value;
    if (member.unescaped_key().get(key) != simdjson::SUCCESS) return false;
    const std::string name(key);  // Reading the value may reuse the key's memory.
    if (member.value().get(member_value) != simdjson::SUCCESS) return false;
    visit(name, member_value);
  }
  return true;
}

bool ReadMember(const std::string& name, ondemand::value value, const TableDef& table,
                DataFile& file) {
  if (name == "numRecords") {
    int64_t rows = 0;
    if (value.get_int64().get(rows) != simdjson::SUCCESS || rows < 0) return false;
    file.rows = rows;
    return true;
  }
  const bool is_min = name == "minValues";
  const bool is_max = name == "maxValues";
  if (!is_min && !is_max && name != "nullCount") return true;
  return ForEachMember(value, [&](const std::string& column, ondemand::value text) {
    if (!table.FindColumn(column)) return;
    std::optional<std::string> scalar = ScalarText(text);
    if (!scalar) return;
    ColumnStats& stats = file.stats[column];
    if (is_min) {
      stats.min = std::move(scalar);
    } else if (is_max) {
      stats.max = std::move(scalar);
    } else {
      int64_t nulls = 0;
      const char* end = scalar->data() + scalar->size();
      const auto read = std::from_chars(scalar->data(), end, nulls);
      if (read.ec == std::errc() && read.ptr == end && nulls >= 0) stats.null_count = nulls;
    }
  });
}

TimeRange TimeRangeOfStats(const TableDef& table, const DataFile& file) {
  const auto stats = file.stats.find(table.columns[table.time_column].name);
  if (stats == file.stats.end() || !stats->second.min || !stats->second.max) return {};
  const auto min = ParseInstant(*stats->second.min);
  const auto max = ParseInstant(*stats->second.max);
  if (!min || !max) return {};
  return {TimestampUs(min->micros), TimestampUs(max->micros + max->cut_off)};
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

DataFile DescribeRows(const TableRef& table, const std::vector<BatchSlice>& slices) {
  DataFile file;
  int64_t rows = 0;
  for (const BatchSlice& slice : slices) {
    rows += static_cast<int64_t>(slice.rows.empty() ? slice.batch->rows : slice.rows.size());
  }
  file.rows = rows;
  for (uint32_t i = 0; i < table->columns.size(); ++i) {
    const auto& partition = table->partition_columns;
    if (std::find(partition.begin(), partition.end(), i) != partition.end()) continue;
    // Readers disagree on how arrays are counted.
    if (table->columns[i].type.kind() == TypeKind::kList) continue;
    file.stats[table->columns[i].name] = ColumnStatsOf(table->columns[i], slices);
  }
  ForEachValue(table->columns[table->time_column].id, slices,
               [&](const Column& column, size_t row) {
                 file.time_range.Include(TimestampUs(column.Fixed<int64_t>(row)));
               });
  return file;
}

std::string StatsJson(const TableDef& table, const DataFile& file) {
  const auto bound = [](const ColumnDef& column, const std::optional<std::string>& text) {
    if (!text || IsNumber(column.type)) return text;
    return std::optional(QuoteJson(*text));
  };
  std::string out = "{";
  if (file.rows) out += fmt::format("\"numRecords\":{},", *file.rows);
  out += "\"minValues\":" +
         ValuesJson(table, file, [&](const ColumnDef& column, const ColumnStats& stats) {
           return bound(column, stats.min);
         });
  out += ",\"maxValues\":" +
         ValuesJson(table, file, [&](const ColumnDef& column, const ColumnStats& stats) {
           return bound(column, stats.max);
         });
  out +=
      ",\"nullCount\":" + ValuesJson(table, file, [](const ColumnDef&, const ColumnStats& stats) {
        return stats.null_count ? std::optional(std::to_string(*stats.null_count)) : std::nullopt;
      });
  return out + "}";
}

void ReadStats(std::string_view json, const TableDef& table, DataFile& file) {
  if (json.empty()) return;
  ondemand::parser parser;
  const simdjson::padded_string padded(json);
  ondemand::document document;
  ondemand::value root;
  bool members_sound = true;
  const bool sound = parser.iterate(padded).get(document) == simdjson::SUCCESS &&
                     document.get_value().get(root) == simdjson::SUCCESS &&
                     ForEachMember(root, [&](const std::string& name, ondemand::value value) {
                       members_sound = members_sound && ReadMember(name, value, table, file);
                     });
  if (!sound || !members_sound) {
    // Half-read bounds could be wrong ones.
    file.rows.reset();
    file.stats.clear();
  }
  file.time_range = TimeRangeOfStats(table, file);
}

}  // namespace varve::lake
