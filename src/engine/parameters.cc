#include "engine/parameters.h"

#include <optional>
#include <string>
#include <vector>

#include "engine/duck_guard.h"
#include "engine/type_mapping.h"

namespace varve::engine {

namespace {

Status BadText(const Type& type, std::string_view text) {
  const auto kind = type.kind();
  const bool is_time = kind == TypeKind::kDate || kind == TypeKind::kTime ||
                       kind == TypeKind::kTimestamp || kind == TypeKind::kTimestampTz ||
                       kind == TypeKind::kInterval;
  return SqlErrorf(
      is_time ? sqlstate::kInvalidDatetimeFormat : sqlstate::kInvalidTextRepresentation,
      "invalid input syntax for type {}: \"{}\"", type.ToString(), text);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<duckdb::Value> ByteaValue(const Type& type, const std::string& text) {
  std::string bytes;
  if (text.starts_with("\\x")) {
    if (text.size() % 2 != 0) return BadText(type, text);
    for (size_t i = 2; i < text.size(); i += 2) {
      const int high = HexDigit(text[i]);
      const int low = HexDigit(text[i + 1]);
      if (high < 0 || low < 0) return BadText(type, text);
      bytes.push_back(static_cast<char>(high * 16 + low));
    }
  } else {
    bytes = text;
  }
  return duckdb::Value::BLOB(reinterpret_cast<duckdb::const_data_ptr_t>(bytes.data()),
                             bytes.size());
}

// Reads PostgreSQL's array text of one dimension.
class ArrayText {
 public:
  explicit ArrayText(std::string_view text) : text_(text) {}

  // nullopt: malformed.
  std::optional<std::vector<ParameterText>> Parse() {
    SkipSpace();
    if (!Take('{')) return std::nullopt;
    std::vector<ParameterText> elements;
    SkipSpace();
    if (Take('}')) return AtEnd() ? std::optional(std::move(elements)) : std::nullopt;
    for (;;) {
      SkipSpace();
      auto element = Element();
      if (!element) return std::nullopt;
      elements.push_back(*std::move(element));
      SkipSpace();
      if (Take('}')) break;
      if (!Take(',')) return std::nullopt;
    }
    return AtEnd() ? std::optional(std::move(elements)) : std::nullopt;
  }

 private:
  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size();
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      at_++;
    }
  }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }
  std::optional<ParameterText> Element() {
    std::string value;
    if (Take('"')) {
      while (at_ < text_.size() && text_[at_] != '"') {
        if (text_[at_] == '\\' && ++at_ == text_.size()) return std::nullopt;
        value.push_back(text_[at_++]);
      }
      if (!Take('"')) return std::nullopt;
      return ParameterText(std::move(value));
    }
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') {
      if (text_[at_] == '{' || text_[at_] == '"') return std::nullopt;
      if (text_[at_] == '\\' && ++at_ == text_.size()) return std::nullopt;
      value.push_back(text_[at_++]);
    }
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
    if (value.empty()) return std::nullopt;
    if (duckdb::StringUtil::CIEquals(value, "NULL")) return ParameterText();
    return ParameterText(std::move(value));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<duckdb::Value> ParameterValue(duckdb::ClientContext& context, const Type& type,
                                     const ParameterText& text) {
  const auto duck_type = ToDuck(type);
  if (!text) return duckdb::Value(duck_type);
  switch (type.kind()) {
    case TypeKind::kText:
    case TypeKind::kUnknown:
      return duckdb::Value(*text);
    case TypeKind::kNumericText: {
      duckdb::Value number;
      std::string message;
      if (!duckdb::Value(*text).DefaultTryCastAs(duckdb::LogicalType::DECIMAL(38, 10), number,
                                                 &message)) {
        return BadText(type, *text);
      }
      return number;
    }
    case TypeKind::kBytea:
      return ByteaValue(type, *text);
    case TypeKind::kList: {
      const auto elements = ArrayText(*text).Parse();
      if (!elements) {
        return SqlErrorf(sqlstate::kInvalidTextRepresentation, "malformed array literal: \"{}\"",
                         *text);
      }
      duckdb::vector<duckdb::Value> values;
      for (const auto& element : *elements) {
        VARVE_ASSIGN_OR_RETURN(auto value, ParameterValue(context, type.element(), element));
        values.push_back(std::move(value));
      }
      return duckdb::Value::LIST(ToDuck(type.element()), std::move(values));
    }
    default: {
      duckdb::Value value;
      std::string message;
      const auto cast = GuardDuck([&]() -> Status {
        return duckdb::Value(*text).TryCastAs(context, duck_type, value, &message, true)
                   ? OkStatus()
                   : BadText(type, *text);
      });
      // A cast of the ICU extension answers NULL for what it cannot read.
      if (!cast.ok() || value.IsNull()) return BadText(type, *text);
      return value;
    }
  }
}

}  // namespace varve::engine
