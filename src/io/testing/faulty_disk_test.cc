#include "io/testing/faulty_disk.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace varve::io::testing {
namespace {

using Op = FaultyDisk::Op;

TEST(FaultyDiskTest, PowerLossKeepsExactlyWhatWasSynced) {
  FaultyDisk disk;
  auto file = *disk.Create("d/a", 4);
  ASSERT_TRUE(file->Append("ab").ok());
  ASSERT_TRUE(file->DataSync().ok());
  ASSERT_TRUE(disk.SyncDir("d").ok());
  ASSERT_TRUE(file->Append("cdef").ok());
  auto unnamed = *disk.Create("d/b", 0);
  ASSERT_TRUE(unnamed->Append("x").ok());
  ASSERT_TRUE(unnamed->DataSync().ok());
  ASSERT_TRUE(disk.Remove("d/a").ok());
  disk.LosePower();
  EXPECT_EQ(disk.Names("d"), std::vector<std::string>{"a"});
  EXPECT_EQ(disk.Contents("d/a"), std::string("ab\0\0", 4));
  EXPECT_EQ(file->Append("late").code(), StatusCode::kUnavailable);
}

TEST(FaultyDiskTest, PartialPowerLossMixesOldAndNewSectors) {
  std::mt19937_64 random(1);
  std::set<std::string> outcomes;
  for (int round = 0; round < 64; ++round) {
    FaultyDisk disk;
    auto file = *disk.Create("a", 1024);
    ASSERT_TRUE(file->DataSync().ok());
    ASSERT_TRUE(disk.SyncDir("").ok());
    ASSERT_TRUE(file->Append(std::string(1024, 'x')).ok());
    disk.LosePowerPartly(random);
    const std::string content = disk.Contents("a");
    outcomes.insert({content[0], content[1023]});
  }
  EXPECT_EQ(outcomes.size(), 4u);
}

TEST(FaultyDiskTest, FailsTheChosenCallOnce) {
  FaultyDisk disk;
  auto file = *disk.Create("a", 0);
  disk.FailNext(Op::kAppend, 1);
  EXPECT_TRUE(file->Append("1").ok());
  EXPECT_FALSE(file->Append("2").ok());
  EXPECT_TRUE(file->Append("3").ok());
  EXPECT_EQ(disk.Contents("a"), "13");
  EXPECT_EQ(disk.Count(Op::kAppend), 3);
  disk.FailAppendAfterBytes(2);
  EXPECT_FALSE(file->Append("4567").ok());
  EXPECT_EQ(disk.Contents("a"), "1345");
}

TEST(FaultyDiskTest, AboveItsCapacityItIsFull) {
  FaultyDisk disk;
  disk.SetCapacity(10);
  auto file = *disk.Create("a", 8);
  EXPECT_EQ(SqlStateOf(disk.Create("b", 3).status()), sqlstate::kDiskFull);
  EXPECT_TRUE(file->Append("12345678").ok());
  EXPECT_EQ(SqlStateOf(file->Append("abc")), sqlstate::kDiskFull);
}

}  // namespace
}  // namespace varve::io::testing
