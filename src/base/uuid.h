// Makes and prints universally unique ids: names of data files, ids of tables and nodes.
//
// Layout:   16 bytes in the order in which they are printed (RFC 9562); version 4 has 122 random
//           bits.
// Threads:  values; no shared state.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/status.h"

namespace varve {

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  static Uuid MakeV4(Random& random = Random::System());
  // Reads 8-4-4-4-12 hexadecimal digits of either case; 22P02 for anything else.
  static Result<Uuid> Parse(std::string_view text);
  // 36 characters, lower case.
  std::string ToString() const;

  auto operator<=>(const Uuid&) const = default;
};

}  // namespace varve
