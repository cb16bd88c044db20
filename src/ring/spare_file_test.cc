#include "ring/spare_file.h"

#include <gtest/gtest.h>

#include "io/testing/faulty_disk.h"

namespace varve::ring {
namespace {

class SpareFileTest : public ::testing::Test {
 protected:
  using Op = io::testing::FaultyDisk::Op;

  SpareFileTest() {
    EXPECT_TRUE(disk_.MakeDirs("d").ok());
    disk_.SetCapacity(kCapacity);
  }
  uint64_t Used() { return kCapacity - disk_.Space("d")->free_bytes; }
  void FillUp() { disk_.SetCapacity(Used()); }

  static constexpr uint64_t kCapacity = 1 << 20;
  io::testing::FaultyDisk disk_;
  SpareFile spare_{disk_, "d/spare"};
};

TEST_F(SpareFileTest, BecomesTheFileOnAFullDiskWithoutGivingItsRoomBack) {
  disk_.SetContents("d/file", "old");
  ASSERT_TRUE(spare_.Prepare(10).ok());
  FillUp();
  // Nobody else gets it in between.
  disk_.SetHook(Op::kDataSync, [&] {
    EXPECT_EQ(SqlStateOf(disk_.Create("d/other", 1).status()), sqlstate::kDiskFull);
  });
  ASSERT_TRUE(spare_.Replace("d/file", "new content").ok());
  EXPECT_EQ(disk_.Contents("d/file"), "new content");
  EXPECT_EQ(disk_.Names("d"), (std::vector<std::string>{"file"}));
  disk_.LosePower();
  EXPECT_EQ(disk_.Contents("d/file"), "new content");
}

TEST_F(SpareFileTest, StaysWhileThereIsRoom) {
  ASSERT_TRUE(spare_.Prepare(10).ok());
  ASSERT_TRUE(spare_.Replace("d/file", "new").ok());
  EXPECT_EQ(disk_.Names("d"), (std::vector<std::string>{"file", "spare"}));
}

TEST_F(SpareFileTest, HelpsOnceAndOnlyAsFarAsItGoes) {
  EXPECT_EQ(SqlStateOf(spare_.Become("d/file", [](io::AppendFile&) { return OkStatus(); })),
            sqlstate::kDiskFull);
  ASSERT_TRUE(spare_.Prepare(10).ok());
  FillUp();
  const std::string much(1 << 16, 'x');
  EXPECT_EQ(SqlStateOf(spare_.Replace("d/file", much)), sqlstate::kDiskFull);
  EXPECT_EQ(SqlStateOf(spare_.Replace("d/file", "x")), sqlstate::kDiskFull);
  EXPECT_FALSE(disk_.Stat("d/file").ok());
  // What it had is its again.
  ASSERT_TRUE(spare_.Prepare(10).ok());
  EXPECT_TRUE(spare_.Replace("d/file", "x").ok());
}

TEST_F(SpareFileTest, GrowsAndKeepsWhatItHasWhenItCannot) {
  ASSERT_TRUE(spare_.Prepare(10).ok());
  const uint64_t small = Used();
  ASSERT_TRUE(spare_.Prepare(100'000).ok());
  EXPECT_GE(Used(), small + 90'000);
  const int grown = disk_.Count(Op::kGrow);
  ASSERT_TRUE(spare_.Prepare(100'001).ok());  // there is a little more than was asked for
  EXPECT_EQ(disk_.Count(Op::kGrow), grown);
  FillUp();
  EXPECT_EQ(SqlStateOf(spare_.Prepare(500'000)), sqlstate::kDiskFull);
  EXPECT_TRUE(spare_.Replace("d/file", std::string(100'000, 'x')).ok());
}

TEST_F(SpareFileTest, TakesTheRoomOfAnEarlierRun) {
  ASSERT_TRUE(spare_.Prepare(10).ok());
  FillUp();
  SpareFile again(disk_, "d/spare");
  ASSERT_TRUE(again.Prepare(10).ok());
  EXPECT_TRUE(again.Replace("d/file", "x").ok());
}

}  // namespace
}  // namespace varve::ring
