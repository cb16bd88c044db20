#include "lake/file_stats.h"

#include <simdjson.h>

#include <charconv>

#include "base/json_string.h"
#include "lake/iso_time.h"
#include "lake/row_describer.h"

namespace varve::lake {
namespace {

namespace ondemand = simdjson::ondemand;

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
    out += JsonString(column.name) + ":" + *text;
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

DataFile DescribeRows(const TableRef& table, const std::vector<BatchSlice>& slices) {
  RowDescriber describer(table);
  for (const BatchSlice& slice : slices) describer.Add(slice);
  return describer.Finish();
}

std::string StatsJson(const TableDef& table, const DataFile& file) {
  const auto bound = [](const ColumnDef& column, const std::optional<std::string>& text) {
    if (!text || IsNumber(column.type)) return text;
    return std::optional(JsonString(*text));
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
