#include "cache/disk_tier.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <random>

#include "cache/block_file.h"
#include "cache/clock_for_test.h"
#include "io/testing/faulty_disk.h"

namespace varve::cache {
namespace {

using io::testing::FaultyDisk;

constexpr int64_t kSecond = 1'000'000;

class DiskTierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spdlog::default_logger_raw();  // made here, as main does, and not by two threads at once
    options_.dir = "/cache";
    options_.bytes_max = 8 << 20;
    options_.ttl_us = 3600 * kSecond;
    Open();
  }

  void Open() {
    tier_.reset();
    auto tier = DiskTier::Open(options_, disk_, clock_);
    ASSERT_TRUE(tier.ok()) << tier.status();
    tier_ = *std::move(tier);
  }

  BlockRef MakeBlock(uint32_t block, std::string_view content) {
    *live_ += content.size();
    return std::make_shared<Block>(BlockKey{MakeObjectId("lake", name_->object), block}, name_,
                                   content, clock_.NowUs(), live_);
  }
  // True when the block was taken.
  bool Put(uint32_t block, std::string_view content) {
    const bool taken = tier_->Offer(MakeBlock(block, content));
    tier_->WaitUntilWritten();
    return taken;
  }
  std::string Get(uint32_t block, size_t bytes) {
    const auto found = tier_->Find({MakeObjectId("lake", name_->object), block}, *name_, bytes);
    return found ? std::string(found->content) : "miss";
  }
  std::string FileOf(uint32_t block) {
    for (const std::string& name : disk_.Names("/cache")) {
      const auto key = ParseBlockFileName(name);
      if (key && key->key.block == block) return "/cache/" + name;
    }
    return "";
  }

  FaultyDisk disk_;
  ManualClock clock_;
  DiskTier::Options options_;
  LiveBytes live_ = std::make_shared<std::atomic<uint64_t>>(0);
  std::shared_ptr<const ObjectName> name_ =
      std::make_shared<const ObjectName>(ObjectName{"lake", "t/part-1.parquet"});
  std::unique_ptr<DiskTier> tier_;
};

TEST_F(DiskTierTest, BlocksSurviveARestart) {
  ASSERT_TRUE(Put(0, "first"));
  ASSERT_TRUE(Put(1, "second"));
  EXPECT_EQ(Get(0, 5), "first");
  Open();
  EXPECT_EQ(Get(0, 5), "first");
  EXPECT_EQ(Get(1, 6), "second");
  EXPECT_EQ(Get(2, 6), "miss");
  EXPECT_EQ(tier_->counts().entries, 2u);
  EXPECT_EQ(*live_, 0u);
}

TEST_F(DiskTierTest, TheQueueIsWrittenBeforeTheEnd) {
  for (uint32_t n = 0; n < 20; ++n) ASSERT_TRUE(tier_->Offer(MakeBlock(n, "content")));
  Open();
  EXPECT_EQ(tier_->counts().entries, 20u);
}

TEST_F(DiskTierTest, BlocksThatAreTooOldAreGone) {
  ASSERT_TRUE(Put(0, "first"));
  clock_.Advance(1800 * kSecond);
  ASSERT_TRUE(Put(1, "second"));
  clock_.Advance(1799 * kSecond);
  EXPECT_EQ(Get(0, 5), "first");
  clock_.Advance(kSecond);
  EXPECT_EQ(Get(0, 5), "miss");
  tier_->WaitUntilWritten();
  EXPECT_EQ(FileOf(0), "");
  EXPECT_EQ(Get(1, 6), "second");
  clock_.Advance(1800 * kSecond);
  Open();  // the listing is enough to know that it is too old
  tier_->WaitUntilWritten();
  EXPECT_EQ(FileOf(1), "");
}

TEST_F(DiskTierTest, FilesStayWithinTheirBytes) {
  const std::string content(kBlockBytes, 'x');
  for (uint32_t n = 0; n < 20; ++n) {
    Put(n, content);
    ASSERT_LE(tier_->counts().bytes, options_.bytes_max);
  }
  EXPECT_EQ(tier_->counts().entries, 7u);
  EXPECT_EQ(tier_->counts().evictions, 13u);
  EXPECT_EQ(disk_.Names("/cache").size(), 7u);
  options_.bytes_max = 3 << 20;
  Open();
  tier_->WaitUntilWritten();
  EXPECT_EQ(tier_->counts().entries, 2u);
  EXPECT_EQ(disk_.Names("/cache").size(), 2u);
}

TEST_F(DiskTierTest, DamageInAnyRegionIsAMissAndTheFileGoes) {
  const std::string content(1000, 'x');
  // Magic, checksum, time, block, lengths, reserved, store, object, first and last byte of content.
  for (const size_t at : {0, 9, 17, 25, 28, 32, 34, 36, 41, 50, 60, 1059}) {
    ASSERT_TRUE(Put(0, content)) << at;
    const std::string path = FileOf(0);
    std::string bytes = disk_.Contents(path);
    ASSERT_EQ(bytes.size(), 1060u);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    disk_.SetContents(path, bytes);
    EXPECT_EQ(Get(0, 1000), "miss") << at;
    tier_->WaitUntilWritten();
    EXPECT_EQ(FileOf(0), "") << at;
  }
  EXPECT_EQ(tier_->counts().errors, 12u);
}

TEST_F(DiskTierTest, ACutFileAndAForeignOneAreMisses) {
  ASSERT_TRUE(Put(0, "content"));
  ASSERT_TRUE(Put(1, "another"));
  const std::string whole = disk_.Contents(FileOf(0));
  disk_.SetContents(FileOf(0), whole.substr(0, whole.size() - 1));
  EXPECT_EQ(Get(0, 7), "miss");
  disk_.SetContents(FileOf(1), whole);  // a good block, but not this one
  EXPECT_EQ(Get(1, 7), "miss");
  ASSERT_TRUE(Put(2, "content"));
  EXPECT_EQ(Get(2, 8), "miss");  // the object is not that long
}

// Of the names, the file's own has only a hash.
TEST_F(DiskTierTest, ABlockOfAnotherObjectIsAMiss) {
  for (const ObjectName& other :
       {ObjectName{"lake", "t/part-2.parquet"}, ObjectName{"cold", "t/part-1.parquet"}}) {
    ASSERT_TRUE(Put(0, "content"));
    EXPECT_FALSE(tier_->Find({MakeObjectId("lake", name_->object), 0}, other, 7));
    tier_->WaitUntilWritten();
    EXPECT_EQ(FileOf(0), "");
  }
}

TEST_F(DiskTierTest, WhatCannotBeKeptIsNotTaken) {
  name_ = std::make_shared<const ObjectName>(ObjectName{"lake", std::string(kNamesBytesMax, 'x')});
  EXPECT_FALSE(Put(0, "its name is too long"));
  name_ = std::make_shared<const ObjectName>(ObjectName{"lake", "short"});
  const BlockRef block = MakeBlock(0, "too old");
  clock_.Advance(options_.ttl_us);
  EXPECT_FALSE(tier_->Offer(block));
  EXPECT_TRUE(disk_.Names("/cache").empty());
}

TEST_F(DiskTierTest, AStartWithLessRoomKeepsTheNewest) {
  for (uint32_t n = 0; n < 4; ++n) {
    ASSERT_TRUE(Put(n, std::string(1000, 'x')));
    clock_.Advance(kSecond);
  }
  options_.bytes_max = 2500;
  Open();
  tier_->WaitUntilWritten();
  EXPECT_EQ(FileOf(1), "");
  EXPECT_EQ(Get(2, 1000), std::string(1000, 'x'));
  EXPECT_EQ(Get(3, 1000), std::string(1000, 'x'));
}

TEST_F(DiskTierTest, AClearedFolderIsAnEmptyCache) {
  ASSERT_TRUE(Put(0, "content"));
  ASSERT_TRUE(disk_.Remove(FileOf(0)).ok());
  EXPECT_EQ(Get(0, 7), "miss");
  EXPECT_EQ(tier_->counts().errors, 0u);
  ASSERT_TRUE(Put(0, "content"));
  EXPECT_EQ(Get(0, 7), "content");
}

// After a power cut any sector of what was written may be missing; what comes back must be right.
TEST_F(DiskTierTest, APowerCutLeavesMissesButNoWrongBytes) {
  std::mt19937_64 random(7);
  int whole = 0;
  for (int round = 0; round < 50; ++round) {
    const std::string content(700 + 100 * static_cast<size_t>(round % 10),
                              static_cast<char>('a' + round % 26));
    ASSERT_TRUE(Put(0, content));
    disk_.LosePowerPartly(random);
    Open();
    const std::string got = Get(0, content.size());
    EXPECT_TRUE(got == content || got == "miss") << round;
    if (got == content) ++whole;
    tier_->Forget(MakeObjectId("lake", name_->object));
    tier_->WaitUntilWritten();
  }
  EXPECT_LT(whole, 50);
}

TEST_F(DiskTierTest, AFullDiskPausesWritingAndReadingGoesOn) {
  ASSERT_TRUE(Put(0, "content"));
  disk_.FailNext(FaultyDisk::Op::kAppend, 0, SqlError(sqlstate::kDiskFull, "no space (test)"));
  ASSERT_TRUE(Put(1, "another"));
  EXPECT_EQ(Get(1, 7), "miss");
  EXPECT_EQ(FileOf(1), "");
  EXPECT_EQ(Get(0, 7), "content");
  EXPECT_FALSE(Put(2, "another"));
  clock_.Advance(DiskTier::kPauseUs);
  ASSERT_TRUE(Put(2, "another"));
  EXPECT_EQ(Get(2, 7), "another");
  EXPECT_EQ(tier_->counts().errors, 1u);
}

TEST_F(DiskTierTest, ADiskThatCannotBeReadIsNoCacheForAWhile) {
  ASSERT_TRUE(Put(0, "content"));
  ASSERT_TRUE(Put(1, "another"));
  disk_.FailNext(FaultyDisk::Op::kReadAt);
  EXPECT_EQ(Get(0, 7), "miss");
  EXPECT_EQ(Get(1, 7), "miss");
  EXPECT_EQ(disk_.Count(FaultyDisk::Op::kReadAt), 1);
  clock_.Advance(DiskTier::kPauseUs);
  EXPECT_EQ(Get(1, 7), "another");
}

TEST_F(DiskTierTest, ANearlyFullDiskIsLeftToOthers) {
  const std::string content(kBlockBytes, 'x');
  for (uint32_t n = 0; n < 4; ++n) ASSERT_TRUE(Put(n, content));
  disk_.SetContents("/log", std::string(4 << 20, 'x'));
  disk_.SetCapacity((8 << 20) + (300 << 10));  // 4 % are free
  Put(4, content);
  EXPECT_EQ(tier_->counts().entries, 1u);
  EXPECT_EQ(Get(4, kBlockBytes), "miss");
  Put(5, content);
  EXPECT_EQ(Get(5, kBlockBytes), content);
}

TEST_F(DiskTierTest, ForgottenObjectsGoAlsoWhenTheyWait) {
  ASSERT_TRUE(Put(0, "content"));
  disk_.SetHook(FaultyDisk::Op::kAppend,
                [this] { tier_->Forget(MakeObjectId("lake", name_->object)); });
  tier_->Offer(MakeBlock(1, "another"));
  tier_->WaitUntilWritten();
  EXPECT_EQ(Get(0, 7), "miss");
  EXPECT_EQ(Get(1, 7), "miss");
  EXPECT_TRUE(disk_.Names("/cache").empty());
}

TEST_F(DiskTierTest, TheQueueHasABound) {
  Mutex mu;
  CondVar changed;
  bool is_writing = false;
  bool go = false;
  disk_.SetHook(FaultyDisk::Op::kAppend, [&] {
    MutexLock lock(mu);
    is_writing = true;
    changed.NotifyAll();
    changed.Wait(mu, [&] { return go; });
  });
  tier_->Offer(MakeBlock(0, "content"));
  {
    MutexLock lock(mu);
    changed.Wait(mu, [&] { return is_writing; });
  }
  // What is still in memory when its turn comes is written too; the queue itself holds no more.
  const BlockRef kept = MakeBlock(1000, "content");
  for (uint32_t n = 0; n < 200; ++n) tier_->Offer(MakeBlock(n, "content"));
  tier_->Offer(kept);
  EXPECT_LE(*live_, 7 * (DiskTier::kQueueMax + 2));
  EXPECT_FALSE(tier_->OfferPatiently(MakeBlock(200, "x"), std::chrono::milliseconds(5)));
  {
    MutexLock lock(mu);
    go = true;
  }
  changed.NotifyAll();
  EXPECT_TRUE(tier_->OfferPatiently(MakeBlock(200, "x"), std::chrono::seconds(30)));
  tier_->WaitUntilWritten();
  EXPECT_EQ(tier_->counts().entries, DiskTier::kQueueMax + 3);
  EXPECT_EQ(Get(1000, 7), "content");
}

}  // namespace
}  // namespace varve::cache
