#include "base/bytes.h"

#include <gtest/gtest.h>

namespace varve {
namespace {

TEST(BytesTest, IntegersLieLeastSignificantByteFirst) {
  std::string bytes;
  AppendLittle<uint8_t>(bytes, 0xFE);
  AppendLittle<uint16_t>(bytes, 0x0102);
  AppendLittle<uint32_t>(bytes, 0x83040506);
  AppendLittle<uint64_t>(bytes, 0x8788898A8B8C8D8E);
  EXPECT_EQ(bytes, std::string("\xFE"
                               "\x02\x01"
                               "\x06\x05\x04\x83"
                               "\x8E\x8D\x8C\x8B\x8A\x89\x88\x87"));
  ByteReader reader(bytes);
  EXPECT_EQ(*reader.Little<uint8_t>(), 0xFE);
  EXPECT_EQ(*reader.Little<uint16_t>(), 0x0102);
  EXPECT_EQ(*reader.Little<uint32_t>(), 0x83040506);
  EXPECT_EQ(*reader.Little<uint64_t>(), 0x8788898A8B8C8D8E);
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(BytesTest, ReaderStopsAtTheEndAndConsumesNothing) {
  ByteReader reader("abcde");
  EXPECT_EQ(*reader.Bytes(2), "ab");
  const Result<uint32_t> number = reader.Little<uint32_t>();
  EXPECT_EQ(number.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(number.status()).find("offset 2"), std::string::npos);
  EXPECT_EQ(reader.Bytes(SIZE_MAX).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(reader.position(), 2u);
  EXPECT_EQ(*reader.Bytes(3), "cde");
  EXPECT_EQ(*reader.Bytes(0), "");
}

}  // namespace
}  // namespace varve
