// Computes CRC-32C (Castagnoli), the checksum of log records and cache blocks.
//
// Role:     record writer, reader -> [Crc32c]. Uses the processor's own instruction when there is
//           one (chosen once, at run time), else a table; both give the same values.
// Layout:   reflected polynomial 0x82F63B78, initial value and final xor 0xFFFFFFFF (RFC 3720,
//           appendix B.4 has the known answers).
// Threads:  safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace varve {

// The checksum of `data` put behind bytes whose checksum is `crc`; 0 for no bytes before.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view data);

inline uint32_t Crc32c(std::string_view data) { return ExtendCrc32c(0, data); }

namespace internal {
// The table version, so that a test can compare the two.
uint32_t ExtendCrc32cByTable(uint32_t crc, std::string_view data);
}  // namespace internal

}  // namespace varve
