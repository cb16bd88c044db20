// Writes remote-write requests for tests, field by field, right ones and wrong ones.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace varve::server {

inline std::string VarintForTest(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  bytes += static_cast<char>(value);
  return bytes;
}

inline std::string NumberFieldForTest(uint32_t field, uint64_t value) {
  return VarintForTest(field << 3) + VarintForTest(value);
}

inline std::string BytesFieldForTest(uint32_t field, std::string_view value) {
  return VarintForTest(field << 3 | 2) + VarintForTest(value.size()) + std::string(value);
}

inline std::string DoubleFieldForTest(uint32_t field, double value) {
  std::string bytes = VarintForTest(field << 3 | 1);
  for (int i = 0; i < 8; ++i) {
    bytes += static_cast<char>(std::bit_cast<uint64_t>(value) >> (8 * i));
  }
  return bytes;
}

using LabelsForTest = std::vector<std::pair<std::string, std::string>>;
using SamplesForTest = std::vector<std::pair<double, int64_t>>;  // value, milliseconds

// A series as a field of the request.
inline std::string SeriesForTest(const LabelsForTest& labels, const SamplesForTest& samples,
                                 std::string_view more = "") {
  std::string series;
  for (const auto& [key, value] : labels) {
    series += BytesFieldForTest(1, BytesFieldForTest(1, key) + BytesFieldForTest(2, value));
  }
  for (const auto& [value, time] : samples) {
    series += BytesFieldForTest(
        2, DoubleFieldForTest(1, value) + NumberFieldForTest(2, static_cast<uint64_t>(time)));
  }
  return BytesFieldForTest(1, series.append(more));
}

inline std::string MetadataForTest(uint64_t type, std::string_view family) {
  return BytesFieldForTest(3, NumberFieldForTest(1, type) + BytesFieldForTest(2, family) +
                                  BytesFieldForTest(4, "Help."));
}

}  // namespace varve::server
