#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace varve {
namespace {

// The answers of RFC 3720, appendix B.4, and the usual check value.
TEST(Crc32cTest, KnownAnswers) {
  std::string ascending(32, '\0');
  for (size_t i = 0; i < 32; ++i) ascending[i] = static_cast<char>(i);
  const std::string descending(ascending.rbegin(), ascending.rend());
  for (const auto extend : {ExtendCrc32c, internal::ExtendCrc32cByTable}) {
    EXPECT_EQ(extend(0, ""), 0u);
    EXPECT_EQ(extend(0, "123456789"), 0xE3069283u);
    EXPECT_EQ(extend(0, std::string(32, '\0')), 0x8A9136AAu);
    EXPECT_EQ(extend(0, std::string(32, '\xFF')), 0x62A8AB43u);
    EXPECT_EQ(extend(0, ascending), 0x46DD794Eu);
    EXPECT_EQ(extend(0, descending), 0x113FDB5Cu);
  }
}

// Lengths around the three-stream blocks and odd starts, where a fast version goes wrong first.
TEST(Crc32cTest, InstructionAndTableAgree) {
  std::mt19937_64 random(7);
  std::string bytes(50'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  for (const size_t size : {1, 7, 8, 9, 63, 4096, 12287, 12288, 12289, 24576, 40000}) {
    for (size_t start = 0; start < 9; ++start) {
      const std::string_view piece = std::string_view(bytes).substr(start, size);
      EXPECT_EQ(Crc32c(piece), internal::ExtendCrc32cByTable(0, piece)) << start << "+" << size;
    }
  }
}

TEST(Crc32cTest, ExtendingEqualsTheWhole) {
  const std::string text = "rows are acknowledged only when they are durable";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(ExtendCrc32c(Crc32c(text.substr(0, cut)), text.substr(cut)), Crc32c(text));
  }
}

}  // namespace
}  // namespace varve
