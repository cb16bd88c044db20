#include "server/http/json_rows.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/json_string.h"
#include "server/core/datetime_text.h"
#include "server/core/value_text.h"
#include "server/http/json_writer.h"
#include "server/http/strict_json.h"

namespace varve::server {
namespace {

std::vector<std::string> DistinctNames(const std::vector<engine::ResultColumn>& columns) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const engine::ResultColumn& column : columns) taken.insert(column.name);
  std::set<std::string> used;
  for (const engine::ResultColumn& column : columns) {
    std::string name = column.name;
    const auto is_others = [&] {
      return used.contains(name) || (name != column.name && taken.contains(name));
    };
    for (int i = 2; is_others(); ++i) name = fmt::format("{}_{}", column.name, i);
    used.insert(name);
    names.push_back(std::move(name));
  }
  return names;
}

// PostgreSQL's text of a time with the blank as 'T'; infinities and years BC as they are.
void AppendIsoTime(int64_t micros, bool is_utc, std::string& out) {
  std::string text;
  AppendTimestamp(micros, text);
  if (const size_t blank = text.find(' '); blank != std::string::npos && !text.ends_with("BC")) {
    text[blank] = 'T';
    if (is_utc) text += 'Z';
  }
  AppendJsonString(text, out);
}

void AppendDecimal(const Column& column, size_t row, std::string& out) {
  std::string text;
  AppendValueText(column, row, {}, text);
  const bool is_number = absl::ascii_isdigit(text.back()) && text.front() != 'N';
  out += is_number ? text : "null";
}

void AppendList(const Column& column, size_t row, std::string& out) {
  out += '[';
  const auto [begin, end] = column.ListRange(row);
  for (uint32_t i = begin; i < end; ++i) {
    if (i > begin) out += ',';
    AppendJsonValue(*column.child, i, out);
  }
  out += ']';
}

}  // namespace

void AppendJsonValue(const Column& column, size_t row, std::string& out) {
  if (column.IsNull(row)) {
    out += "null";
    return;
  }
  switch (column.type.kind()) {
    case TypeKind::kBool:
      out += column.Fixed<uint8_t>(row) != 0 ? "true" : "false";
      return;
    case TypeKind::kInt16:
      return AppendJsonNumber(int64_t{column.Fixed<int16_t>(row)}, out);
    case TypeKind::kInt32:
      return AppendJsonNumber(int64_t{column.Fixed<int32_t>(row)}, out);
    case TypeKind::kInt64:
      return AppendJsonNumber(column.Fixed<int64_t>(row), out);
    case TypeKind::kFloat32:
      return AppendJsonNumber(column.Fixed<float>(row), out);
    case TypeKind::kFloat64:
      return AppendJsonNumber(column.Fixed<double>(row), out);
    case TypeKind::kDecimal:
    case TypeKind::kNumericText:
      return AppendDecimal(column, row, out);
    case TypeKind::kTimestamp:
      return AppendIsoTime(column.Fixed<int64_t>(row), false, out);
    case TypeKind::kTimestampTz:
      return AppendIsoTime(column.Fixed<int64_t>(row), true, out);
    case TypeKind::kJson:
      return AppendStrictJson(column.Bytes(row), out);
    case TypeKind::kList:
      return AppendList(column, row, out);
    default: {
      std::string text;
      AppendValueText(column, row, {}, text);
      AppendJsonString(text, out);
    }
  }
}

JsonRows::JsonRows(const std::vector<engine::ResultColumn>& columns) {
  for (const std::string& name : DistinctNames(columns)) {
    std::string key;
    AppendJsonString(name, key);
    keys_.push_back(key + ':');
  }
}

void JsonRows::Append(const engine::ResultChunk& chunk) {
  for (uint32_t row = 0; row < chunk.rows; ++row) {
    if (count_++ > 0) text_ += ',';
    text_ += '{';
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (i > 0) text_ += ',';
      text_ += keys_[i];
      AppendJsonValue(chunk.columns[i], row, text_);
    }
    text_ += '}';
  }
}

std::string JsonRows::Take() {
  text_ += ']';
  return std::exchange(text_, {});
}

}  // namespace varve::server
