#include "base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "base/bytes.h"

namespace varve {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;

// kTables[k][b]: the effect of byte b followed by k zero bytes, so that eight bytes take eight
// independent look-ups.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; ++byte) {
    for (size_t k = 1; k < 8; ++k) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

#if defined(__x86_64__)
// One crc32 instruction takes three cycles but a new one can start every cycle: three independent
// streams triple the speed. Their results are joined by shifting a checksum over the bytes that
// follow it, which is a multiplication by a constant: four look-ups.
constexpr size_t kStreamBytes = 4096;

constexpr uint32_t ShiftOverZeros(uint32_t crc, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xFF];
  return crc;
}

struct ShiftTables {
  std::array<std::array<uint32_t, 256>, 4> part;
};

ShiftTables MakeShiftTables() {
  ShiftTables tables{};
  std::array<uint32_t, 32> of_bit{};
  for (uint32_t bit = 0; bit < 32; ++bit) of_bit[bit] = ShiftOverZeros(1u << bit, kStreamBytes);
  for (uint32_t part = 0; part < 4; ++part) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      for (uint32_t bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) tables.part[part][byte] ^= of_bit[part * 8 + bit];
      }
    }
  }
  return tables;
}

uint32_t ShiftOverStream(uint32_t crc) {
  static const ShiftTables tables = MakeShiftTables();
  return tables.part[0][crc & 0xFF] ^ tables.part[1][crc >> 8 & 0xFF] ^
         tables.part[2][crc >> 16 & 0xFF] ^ tables.part[3][crc >> 24];
}

uint64_t LoadWord(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

__attribute__((target("sse4.2"))) uint32_t ExtendByInstruction(uint32_t crc,
                                                               std::string_view data) {
  const char* at = data.data();
  size_t left = data.size();
  uint64_t state = crc ^ 0xFFFFFFFFu;
  for (; left >= 3 * kStreamBytes; at += 3 * kStreamBytes, left -= 3 * kStreamBytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kStreamBytes; i += 8) {
      state = _mm_crc32_u64(state, LoadWord(at + i));
      second = _mm_crc32_u64(second, LoadWord(at + kStreamBytes + i));
      third = _mm_crc32_u64(third, LoadWord(at + 2 * kStreamBytes + i));
    }
    state = ShiftOverStream(static_cast<uint32_t>(state)) ^ second;
    state = ShiftOverStream(static_cast<uint32_t>(state)) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) state = _mm_crc32_u64(state, LoadWord(at));
  for (; left > 0; ++at, --left) {
    state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<uint8_t>(*at));
  }
  return static_cast<uint32_t>(state) ^ 0xFFFFFFFFu;
}
#endif

using Extend = uint32_t (*)(uint32_t, std::string_view);

Extend Choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ExtendByInstruction;
#endif
  return internal::ExtendCrc32cByTable;
}

}  // namespace

uint32_t internal::ExtendCrc32cByTable(uint32_t crc, std::string_view data) {
  const char* at = data.data();
  size_t left = data.size();
  uint32_t state = crc ^ 0xFFFFFFFFu;
  for (; left >= 8; at += 8, left -= 8) {
    const uint64_t word = GetLittle<uint64_t>(at) ^ state;
    state = 0;
    for (size_t i = 0; i < 8; ++i) state ^= kTables[7 - i][word >> (8 * i) & 0xFF];
  }
  for (; left > 0; ++at, --left) {
    state = (state >> 8) ^ kTables[0][(state ^ static_cast<uint8_t>(*at)) & 0xFF];
  }
  return state ^ 0xFFFFFFFFu;
}

uint32_t ExtendCrc32c(uint32_t crc, std::string_view data) {
  static const Extend extend = Choose();
  return extend(crc, data);
}

}  // namespace varve
