#include "base/uuid.h"

namespace varve {
namespace {

constexpr bool DashBefore(size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

// The value of a hexadecimal digit, or -1.
int DigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

Status Malformed(std::string_view text) {
  return SqlErrorf(sqlstate::kInvalidTextRepresentation,
                   "invalid input syntax for type uuid: \"{}\"", text);
}

}  // namespace

Uuid Uuid::MakeV4(Random& random) {
  Uuid uuid;
  random.Fill(uuid.bytes);
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0F) | 0x40);  // version 4
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3F) | 0x80);  // variant of RFC 9562
  return uuid;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return Malformed(text);
  Uuid uuid;
  size_t at = 0;
  for (size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (DashBefore(i) && text[at++] != '-') return Malformed(text);
    const int high = DigitValue(text[at++]);
    const int low = DigitValue(text[at++]);
    if (high < 0 || low < 0) return Malformed(text);
    uuid.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return uuid;
}

std::string Uuid::ToString() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (DashBefore(i)) text.push_back('-');
    text.push_back(kDigits[bytes[i] >> 4]);
    text.push_back(kDigits[bytes[i] & 0x0F]);
  }
  return text;
}

}  // namespace varve
