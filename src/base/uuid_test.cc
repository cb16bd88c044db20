#include "base/uuid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace varve {
namespace {

class FixedRandom : public Random {
 public:
  explicit FixedRandom(uint8_t byte) : byte_(byte) {}
  void Fill(std::span<uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), byte_); }

 private:
  uint8_t byte_;
};

TEST(UuidTest, Version4SetsExactlyVersionAndVariant) {
  FixedRandom zeros(0x00);
  EXPECT_EQ(Uuid::MakeV4(zeros).ToString(), "00000000-0000-4000-8000-000000000000");
  FixedRandom ones(0xFF);
  EXPECT_EQ(Uuid::MakeV4(ones).ToString(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(UuidTest, SystemRandomnessDoesNotRepeat) {
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(Uuid::MakeV4());
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_NE(Random::System().NextU64(), Random::System().NextU64());
}

TEST(UuidTest, ParseReadsWhatToStringPrints) {
  const std::string text = "0123abcd-ef45-4678-9abc-def012345678";
  ASSERT_TRUE(Uuid::Parse(text).ok());
  EXPECT_EQ(Uuid::Parse(text)->ToString(), text);
  EXPECT_EQ(*Uuid::Parse("0123ABCD-EF45-4678-9ABC-DEF012345678"), *Uuid::Parse(text));
  for (const char* bad :
       {"", "0123abcd-ef45-4678-9abc-def01234567", "0123abcd-ef45-4678-9abc-def01234567g",
        "0123abcdef45-4678-9abc-def0123456789", "0123abcd-ef45-4678-9abc-def0123456789"}) {
    EXPECT_EQ(SqlStateOf(Uuid::Parse(bad).status()), sqlstate::kInvalidTextRepresentation) << bad;
  }
}

}  // namespace
}  // namespace varve
