#include "server/pg/numeric_binary.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

#include "server/pg/message_body.h"

namespace varve::server::pg {
namespace {

constexpr int kGroupDigits = 4;
constexpr uint16_t kNegative = 0x4000;
constexpr uint16_t kNan = 0xC000;
constexpr uint16_t kInfinity = 0xD000;
constexpr uint16_t kMinusInfinity = 0xF000;
constexpr int kScaleMax = 16'383;  // PostgreSQL's NUMERIC_DSCALE_MAX.
constexpr int kWholeDigitsMax = 131'072;

void AppendInt16(int value, std::string& out) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void AppendHeader(int digits, int weight, uint16_t sign, int scale, std::string& out) {
  AppendInt16(digits, out);
  AppendInt16(weight, out);
  AppendInt16(sign, out);
  AppendInt16(scale, out);
}

Status NotANumber(std::string_view text) {
  return SqlErrorf(sqlstate::kInvalidBinaryRepresentation, "not a number: \"{}\"",
                   text.substr(0, 100));
}

// A number as its digits without a point: value = digits x 10^-scale.
struct Digits {
  std::string digits;
  int scale = 0;
};

Result<Digits> ReadDigits(std::string_view text) {
  Digits out;
  const size_t exponent_at = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, exponent_at);
  const size_t point = mantissa.find('.');
  out.digits = mantissa.substr(0, point);
  if (point != std::string_view::npos) {
    out.digits += mantissa.substr(point + 1);
    out.scale = static_cast<int>(std::min(mantissa.size() - point - 1, size_t{kScaleMax} + 1));
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (out.digits.empty() || !std::all_of(out.digits.begin(), out.digits.end(), is_digit)) {
    return NotANumber(text);
  }
  int exponent = 0;
  if (exponent_at != std::string_view::npos) {
    std::string_view rest = text.substr(exponent_at + 1);
    if (rest.starts_with('+')) rest.remove_prefix(1);
    const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
    if (end.ec != std::errc() || end.ptr != rest.data() + rest.size()) return NotANumber(text);
  }
  if (exponent > kWholeDigitsMax || exponent < -kScaleMax || out.scale - exponent > kScaleMax ||
      static_cast<int64_t>(out.digits.size()) - out.scale + exponent > kWholeDigitsMax) {
    return SqlErrorf(sqlstate::kNumericOutOfRange, "value overflows numeric format: {}",
                     text.substr(0, 100));
  }
  out.scale -= exponent;
  if (out.scale < 0) {
    out.digits.append(static_cast<size_t>(-out.scale), '0');
    out.scale = 0;
  }
  return out;
}

}  // namespace

Status AppendNumericBinary(std::string_view text, std::string& out) {
  uint16_t sign = 0;
  if (text.starts_with('-') || text.starts_with('+')) {
    if (text[0] == '-') sign = kNegative;
    text.remove_prefix(1);
  }
  if (text == "NaN") return AppendHeader(0, 0, kNan, 0, out), OkStatus();
  if (text == "Infinity") {
    AppendHeader(0, 0, sign == 0 ? kInfinity : kMinusInfinity, 0, out);
    return OkStatus();
  }
  VARVE_ASSIGN_OR_RETURN(Digits read, ReadDigits(text));
  std::string digits = std::move(read.digits);
  const int scale = read.scale;
  // Groups are aligned at the decimal point, so both ends are filled up with zeros.
  const int fraction_pad = (kGroupDigits - scale % kGroupDigits) % kGroupDigits;
  digits.append(static_cast<size_t>(fraction_pad), '0');
  const int lead = static_cast<int>(digits.size() % kGroupDigits);
  if (lead != 0) digits.insert(0, static_cast<size_t>(kGroupDigits - lead), '0');
  std::vector<int> groups;
  groups.reserve(digits.size() / kGroupDigits);
  for (size_t i = 0; i < digits.size(); i += kGroupDigits) {
    groups.push_back((digits[i] - '0') * 1000 + (digits[i + 1] - '0') * 100 +
                     (digits[i + 2] - '0') * 10 + (digits[i + 3] - '0'));
  }
  int weight = static_cast<int>(groups.size()) - (scale + fraction_pad) / kGroupDigits - 1;
  size_t first = 0;
  while (first < groups.size() && groups[first] == 0) ++first, --weight;
  size_t last = groups.size();
  while (last > first && groups[last - 1] == 0) --last;
  if (first == last) sign = 0, weight = 0;
  AppendHeader(static_cast<int>(last - first), weight, sign, scale, out);
  for (size_t i = first; i < last; ++i) AppendInt16(groups[i], out);
  return OkStatus();
}

Result<std::string> NumericTextOf(std::string_view bytes) {
  BodyReader reader(bytes);
  const int count = static_cast<uint16_t>(reader.Int16());
  const int weight = reader.Int16();
  const auto sign = static_cast<uint16_t>(reader.Int16());
  const int scale = reader.Int16();
  const auto malformed = [](std::string_view what) {
    return SqlErrorf(sqlstate::kInvalidBinaryRepresentation,
                     "invalid {} in external \"numeric\" value", what);
  };
  if (!reader.ok() || reader.rest().size() != static_cast<size_t>(count) * 2) {
    return malformed("length");
  }
  if (sign == kNan) return std::string("NaN");
  if (sign == kInfinity) return std::string("Infinity");
  if (sign == kMinusInfinity) return std::string("-Infinity");
  if (sign != 0 && sign != kNegative) return malformed("sign");
  if (scale < 0 || scale > kScaleMax) return malformed("scale");
  std::vector<int> groups;
  for (int i = 0; i < count; ++i) {
    const int group = reader.Int16();
    if (group < 0 || group > 9999) return malformed("digit");
    groups.push_back(group);
  }
  const auto group_at = [&](int place) {  // place: power of 10000
    const int index = weight - place;
    return index >= 0 && index < count ? groups[static_cast<size_t>(index)] : 0;
  };
  std::string whole;
  for (int place = std::max(weight, 0); place >= 0; --place) {
    whole += fmt::format("{:04}", group_at(place));
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  std::string fraction;
  for (int place = -1; static_cast<int>(fraction.size()) < scale; --place) {
    fraction += fmt::format("{:04}", group_at(place));
  }
  fraction.resize(static_cast<size_t>(scale));
  std::string out = sign == kNegative ? "-" + whole : whole;
  if (scale > 0) out += "." + fraction;
  return out;
}

}  // namespace varve::server::pg
