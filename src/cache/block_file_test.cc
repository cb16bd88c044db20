#include "cache/block_file.h"

#include <gtest/gtest.h>

namespace varve::cache {
namespace {

std::string Example() {
  const BlockFile file{"lake", "t/part-1.parquet", 3, 1'800'000'000'000'000, "0123456789"};
  return EncodeBlockHead(file) + std::string(file.content);
}

TEST(BlockFileTest, ReadsBackWhatItWrote) {
  const std::string bytes = Example();
  const auto file = ParseBlockFile(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->store, "lake");
  EXPECT_EQ(file->object, "t/part-1.parquet");
  EXPECT_EQ(file->block, 3u);
  EXPECT_EQ(file->fetched_us, 1'800'000'000'000'000);
  EXPECT_EQ(file->content, "0123456789");
}

// The bytes in docs/formats/cache.md: a change of the layout needs a new magic.
TEST(BlockFileTest, TheLayoutIsTheOneThatIsDocumented) {
  const std::string bytes = Example();
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  EXPECT_EQ(hex,
            "565256424c4b3031"
            "fc33148ef55238de"
            "0080982817650600"
            "03000000"
            "0a000000"
            "0400"
            "1000"
            "00000000"
            "6c616b65"
            "742f706172742d312e70617271756574"
            "30313233343536373839");
}

TEST(BlockFileTest, AnyChangedByteIsDamage) {
  const std::string good = Example();
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_EQ(ParseBlockFile(bad).status().code(), StatusCode::kDataLoss) << at << " " << bit;
    }
  }
}

TEST(BlockFileTest, AnyCutAndAnythingBehindTheEndIsDamage) {
  const std::string good = Example();
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_EQ(ParseBlockFile(good.substr(0, bytes)).status().code(), StatusCode::kDataLoss)
        << bytes;
  }
  EXPECT_EQ(ParseBlockFile(good + "x").status().code(), StatusCode::kDataLoss);
}

TEST(BlockFileTest, NamesComeBack) {
  const BlockKey key{MakeObjectId("lake", "t/part-1.parquet"), 17};
  const std::string name = BlockFileName(key, 1'800'000'000'123'456);
  EXPECT_EQ(name, "7a5132612f21c3c3fd73bad3cc5dcfa6-00000011-006b49d200.blk");
  const auto parsed = ParseBlockFileName(name);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->key, key);
  EXPECT_EQ(parsed->fetched_us, 1'800'000'000'000'000);
  for (const std::string& other :
       {std::string("LOCK"), name + "x", name.substr(1), "g" + name.substr(1),
        name.substr(0, 32) + "_" + name.substr(33)}) {
    EXPECT_FALSE(ParseBlockFileName(other)) << other;
  }
}

TEST(BlockFileTest, StoreAndObjectAreApartInTheId) {
  EXPECT_NE(MakeObjectId("ab", "c"), MakeObjectId("a", "bc"));
  EXPECT_NE(MakeObjectId("a", "b"), MakeObjectId("a", "c"));
  EXPECT_EQ(MakeObjectId("a", "b"), MakeObjectId("a", "b"));
}

}  // namespace
}  // namespace varve::cache
