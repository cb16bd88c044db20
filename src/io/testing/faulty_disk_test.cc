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

TEST(FaultyDiskTest, AMappedFileTakesRoomByPagesAndLosesWhatWasNotSynced) {
  FaultyDisk disk;
  disk.SetCapacity(3 * 4096);
  auto file = *disk.CreateMapped("a", 1 << 20);
  ASSERT_TRUE(disk.SyncDir("").ok());
  EXPECT_TRUE(file->Allocate(8192, 2 * 4096).ok());
  EXPECT_TRUE(file->Allocate(8192, 4096).ok()) << "it has room already";
  EXPECT_EQ(SqlStateOf(file->Allocate(0, 2 * 4096)), sqlstate::kDiskFull);
  file->bytes()[8192] = 'a';
  ASSERT_TRUE(file->DataSync().ok());
  file->bytes()[8192] = 'b';
  ASSERT_TRUE(file->PunchHole(12288, 4096).ok());
  EXPECT_EQ(disk.Space("")->free_bytes, 4096u);
  EXPECT_EQ(disk.Contents("a")[8192], 'b');
  disk.LosePower();
  EXPECT_EQ(disk.Contents("a")[8192], 'a');
  EXPECT_EQ(file->DataSync().code(), StatusCode::kUnavailable);
  EXPECT_EQ((*disk.OpenMapped("a", 1 << 20))->bytes()[8192], 'a');
  EXPECT_EQ(disk.OpenMapped("a", 1).status().code(), StatusCode::kDataLoss);
}

TEST(FaultyDiskDeathTest, StoringIntoAPageWithoutRoomEndsTheTest) {
  FaultyDisk disk;
  auto file = *disk.CreateMapped("a", 1 << 20);
  file->bytes()[5] = 'x';
  EXPECT_DEATH(static_cast<void>(file->DataSync()), "invariant broken");
}

TEST(FaultyDiskTest, AReplacedNameIsTheOldFileOrTheNewOne) {
  std::mt19937_64 random(1);
  std::set<std::string> outcomes;
  for (int round = 0; round < 64; ++round) {
    FaultyDisk disk;
    ASSERT_TRUE(disk.WriteSynced("a", "old").ok());
    ASSERT_TRUE(disk.SyncDir("").ok());
    ASSERT_TRUE(disk.WriteSynced("b", "new").ok());
    ASSERT_TRUE(disk.Rename("b", "a").ok());
    disk.LosePowerPartly(random);
    outcomes.insert(disk.Contents("a"));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "new"}));
}

// Whichever call fails or loses power, the file is the old one or the new one, and once the call
// has returned it is the new one.
TEST(FaultyDiskTest, ReplaceIsAllOrNothingAndMakesUpForWhatWasLeft) {
  for (const Op op : {Op::kCreate, Op::kAppend, Op::kDataSync, Op::kRename, Op::kSyncDir}) {
    FaultyDisk disk;
    ASSERT_TRUE(disk.Replace("d/a", "old").ok());
    disk.FailNext(op);
    EXPECT_FALSE(disk.Replace("d/a", "new").ok());
    const std::string left = disk.Contents("d/a");
    EXPECT_TRUE(left == "old" || left == "new") << left;
    ASSERT_TRUE(disk.Replace("d/a", "newer").ok());
    disk.LosePower();
    EXPECT_EQ(disk.Contents("d/a"), "newer");
    EXPECT_EQ(disk.Names("d"), (std::vector<std::string>{"a"}));
  }
}

}  // namespace
}  // namespace varve::io::testing
