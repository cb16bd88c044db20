#include "lake/file_pruning.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <variant>

#include "lake/iso_time.h"

namespace varve::lake {
namespace {

// Digits of a decimal number, compared without a limit of size: sign, digits before the point
// without leading zeros, digits after it without trailing ones.
struct Digits {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
};

// What values of a type are compared as.
using Key = std::variant<Digits, double, int64_t, std::string_view>;

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Key> DigitsKey(std::string_view text) {
  Digits digits;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    digits.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const size_t point = text.find('.');
  digits.whole = text.substr(0, point);
  if (point != std::string_view::npos) digits.fraction = text.substr(point + 1);
  if (digits.whole.empty() && digits.fraction.empty()) return std::nullopt;
  if (!AllDigits(digits.whole) || !AllDigits(digits.fraction)) return std::nullopt;
  while (digits.whole.starts_with('0')) digits.whole.remove_prefix(1);
  while (digits.fraction.ends_with('0')) digits.fraction.remove_suffix(1);
  if (digits.whole.empty() && digits.fraction.empty()) digits.negative = false;  // -0
  return digits;
}

int CompareMagnitude(const Digits& a, const Digits& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  const int whole = a.whole.compare(b.whole);
  return whole != 0 ? whole : a.fraction.compare(b.fraction);
}

int Compare(const Digits& a, const Digits& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  return a.negative ? CompareMagnitude(b, a) : CompareMagnitude(a, b);
}

// Both keys come from one type and hold the same alternative.
int Compare(const Key& a, const Key& b) {
  if (const auto* digits = std::get_if<Digits>(&a)) return Compare(*digits, std::get<Digits>(b));
  if (const auto* text = std::get_if<std::string_view>(&a)) {
    return text->compare(std::get<std::string_view>(b));
  }
  if (const auto* number = std::get_if<double>(&a)) {
    const double other = std::get<double>(b);
    return *number < other ? -1 : other < *number ? 1 : 0;
  }
  const int64_t number = std::get<int64_t>(a);
  const int64_t other = std::get<int64_t>(b);
  return number < other ? -1 : other < number ? 1 : 0;
}

std::optional<Key> DoubleKey(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value != value) {
    return std::nullopt;
  }
  return value;
}

// A float may be written as the double that equals it or with the digits that tell floats apart:
// 3.0000000054977558e+38 and 3e+38 are one value.
std::optional<Key> FloatKey(std::string_view text) {
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value != value) {
    return std::nullopt;
  }
  return double{value};
}

// `as_max`: the text may be an instant that a writer cut off to milliseconds; take the latest that
// it can stand for.
std::optional<Key> InstantKey(std::string_view text, bool as_max) {
  int64_t micros = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), micros);
  if (error == std::errc() && end == text.data() + text.size()) return micros;
  const auto instant = ParseInstant(text);
  if (!instant) return std::nullopt;
  return instant->micros + (as_max ? instant->cut_off : 0);
}

std::optional<Key> MakeKey(const Type& type, std::string_view text, bool as_max) {
  switch (type.kind()) {
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kDecimal:
      return DigitsKey(text);
    case TypeKind::kFloat32:
      return FloatKey(text);
    case TypeKind::kFloat64:
      return DoubleKey(text);
    case TypeKind::kDate: {
      const auto days = ParseDate(text);
      if (!days) return std::nullopt;
      return int64_t{*days};
    }
    case TypeKind::kTimestampTz:
      return InstantKey(text, as_max);
    case TypeKind::kText:
    case TypeKind::kUuid:
      return text;
    default:
      return std::nullopt;
  }
}

// What is known of a column in a file; an absent bound is unbounded.
struct Known {
  std::optional<Key> min;
  std::optional<Key> max;
  bool has_nulls = true;      // false: certainly none
  bool has_non_nulls = true;  // false: certainly none
  bool is_one_value = false;  // every value is `min`
};

Known KnownOf(const DataFile& file, const ColumnBound& bound) {
  Known known;
  if (const auto partition = file.partition_values.find(bound.column);
      partition != file.partition_values.end()) {
    const std::optional<std::string>& value = partition->second;
    if (!value) {
      known.has_non_nulls = false;
    } else if (!value->empty()) {
      known.has_nulls = false;
      known.min = MakeKey(bound.type, *value, false);
      known.max = MakeKey(bound.type, *value, false);
      known.is_one_value = known.min.has_value();
    }
    // Empty text is NULL to the protocol and '' to us: nothing is certain.
    return known;
  }
  const auto stats = file.stats.find(bound.column);
  if (stats == file.stats.end()) return known;
  const ColumnStats& column = stats->second;
  if (column.min) known.min = MakeKey(bound.type, *column.min, false);
  if (column.max) known.max = MakeKey(bound.type, *column.max, true);
  if (column.null_count == 0) known.has_nulls = false;
  if (column.null_count && column.null_count == file.rows) known.has_non_nulls = false;
  // Bounds of text may be prefixes, and floats may hide a NaN.
  const TypeKind kind = bound.type.kind();
  const bool exact = kind != TypeKind::kText && kind != TypeKind::kUuid &&
                     kind != TypeKind::kFloat32 && kind != TypeKind::kFloat64;
  known.is_one_value = exact && known.min && known.max && Compare(*known.min, *known.max) == 0;
  return known;
}

bool IsFloat(const Type& type) {
  return type.kind() == TypeKind::kFloat32 || type.kind() == TypeKind::kFloat64;
}

bool MayEqual(const Known& known, const Type& type, std::string_view value) {
  const std::optional<Key> key = MakeKey(type, value, false);
  if (!key) return true;
  return !(known.min && Compare(*key, *known.min) < 0) &&
         !(known.max && Compare(*key, *known.max) > 0);
}

bool MayCompare(const Known& known, const ColumnBound& bound) {
  const std::optional<Key> key = MakeKey(bound.type, bound.values.front(), false);
  if (!key) return true;
  switch (bound.op) {
    case BoundOp::kNotEqual:
      return !known.is_one_value || !known.min || Compare(*key, *known.min) != 0;
    case BoundOp::kLess:
      return !known.min || Compare(*known.min, *key) < 0;
    case BoundOp::kLessOrEqual:
      return !known.min || Compare(*known.min, *key) <= 0;
    // Some writers leave NaN, which is greater than any maximum, out of their statistics.
    case BoundOp::kGreater:
      return IsFloat(bound.type) || !known.max || Compare(*known.max, *key) > 0;
    case BoundOp::kGreaterOrEqual:
      return IsFloat(bound.type) || !known.max || Compare(*known.max, *key) >= 0;
    default:
      return true;
  }
}

}  // namespace

bool MayMatch(const DataFile& file, const ColumnBound& bound) {
  const Known known = KnownOf(file, bound);
  if (bound.op == BoundOp::kIsNull) return known.has_nulls;
  if (!known.has_non_nulls) return false;
  if (bound.op == BoundOp::kIsNotNull) return true;
  if (bound.op == BoundOp::kIn) {
    return std::any_of(bound.values.begin(), bound.values.end(),
                       [&](const auto& value) { return MayEqual(known, bound.type, value); });
  }
  if (bound.values.size() != 1) return true;
  if (bound.op == BoundOp::kEqual) return MayEqual(known, bound.type, bound.values.front());
  return MayCompare(known, bound);
}

std::optional<int> CompareBounds(const Type& type, std::string_view a, std::string_view b) {
  const std::optional<Key> key_a = MakeKey(type, a, false);
  const std::optional<Key> key_b = MakeKey(type, b, false);
  if (!key_a || !key_b) return std::nullopt;
  return Compare(*key_a, *key_b);
}

}  // namespace varve::lake
