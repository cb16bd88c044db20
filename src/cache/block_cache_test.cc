#include "cache/block_cache.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <random>
#include <thread>

#include "base/interrupt.h"
#include "base/uuid.h"
#include "cache/caching_store.h"
#include "cache/clock_for_test.h"
#include "cache/fetch_pool.h"
#include "io/posix/local_store.h"
#include "io/posix/posix_file_system.h"
#include "io/testing/remote_store.h"

namespace varve::cache {
namespace {

constexpr uint64_t kMb = uint64_t{1} << 20;

class BlockCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spdlog::default_logger_raw();  // made here, as main does, and not by two threads at once
    folder_ = std::filesystem::temp_directory_path() / ("varve-cache-" + Uuid::MakeV4().ToString());
    std::filesystem::create_directories(folder_);
    local_ = *io::LocalStore::Open((folder_ / "store").string());
    remote_ = std::make_unique<io::testing::RemoteStore>("lake", *local_);
    options_.memory_bytes = 512 * kMb;
    options_.disk_bytes = 256 * kMb;
    options_.dir = (folder_ / "cache").string();
    Open();
  }
  void TearDown() override {
    cache_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Open() {
    cache_.reset();
    cache_ = std::make_unique<BlockCache>(options_, files_, clock_);
  }

  // An object of random bytes.
  CachedObject Make(const std::string& name, uint64_t bytes) {
    std::mt19937_64 random(bytes);
    std::string content(bytes, '\0');
    for (char& c : content) c = static_cast<char>(random());
    EXPECT_TRUE(local_->Put(name, content).ok());
    contents_[name] = std::move(content);
    return CachedObject(*remote_, {"lake", name}, bytes);
  }
  Status Read(const CachedObject& object, uint64_t begin, uint64_t end,
              const ReadPlan* plan = nullptr) {
    std::string got(end - begin, '\0');
    VARVE_RETURN_IF_ERROR(cache_->Read(object, begin, got, plan));
    EXPECT_EQ(got, contents_[object.name.object].substr(begin, end - begin))
        << begin << ".." << end;
    return OkStatus();
  }
  std::vector<std::pair<uint64_t, uint64_t>> TakeRanges() {
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    for (const auto& read : remote_->TakeReads()) ranges.emplace_back(read.begin, read.end);
    std::sort(ranges.begin(), ranges.end());
    return ranges;
  }

  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

  std::filesystem::path folder_;
  io::PosixFileSystem files_;
  ManualClock clock_;
  std::unique_ptr<io::ObjectStore> local_;
  std::unique_ptr<io::testing::RemoteStore> remote_;
  BlockCache::Options options_;
  std::map<std::string, std::string> contents_;
  std::unique_ptr<BlockCache> cache_;
};

TEST_F(BlockCacheTest, AReadFetchesItsBlocksOnce) {
  const CachedObject object = Make("a", 10 * kMb + 5);
  ASSERT_TRUE(Read(object, 5 * kMb + 10, 5 * kMb + 20).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{5 * kMb, 6 * kMb}}));
  ASSERT_TRUE(Read(object, 5 * kMb, 6 * kMb).ok());
  EXPECT_EQ(TakeRanges(), Ranges{});
  ASSERT_TRUE(Read(object, 4 * kMb + 1, 7 * kMb - 1).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{4 * kMb, 5 * kMb}, {6 * kMb, 7 * kMb}}));
  EXPECT_EQ(cache_->counts().store.entries, 3u);
}

TEST_F(BlockCacheTest, AdjacentBlocksAreOneRequestOfBoundedSize) {
  const CachedObject object = Make("a", 20 * kMb);
  ASSERT_TRUE(Read(object, 0, 20 * kMb).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, 8 * kMb}, {8 * kMb, 16 * kMb}, {16 * kMb, 20 * kMb}}));
}

TEST_F(BlockCacheTest, RequestsOfOneReadRunSideBySide) {
  const CachedObject object = Make("a", 32 * kMb);
  remote_->SetDelay(std::chrono::milliseconds(50));
  ASSERT_TRUE(Read(object, 0, 32 * kMb).ok());
  for (const auto& read : remote_->TakeReads()) EXPECT_EQ(read.after, 0u);
  EXPECT_EQ(remote_->busy_max(), 4u);
}

TEST_F(BlockCacheTest, ASmallObjectIsOneRequest) {
  const CachedObject object = Make("a", 3 * kMb + 7);
  ASSERT_TRUE(Read(object, 3 * kMb, 3 * kMb + 7).ok());
  ASSERT_TRUE(Read(object, 0, 10).ok());
  ASSERT_TRUE(Read(object, 0, 3 * kMb + 7).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, 3 * kMb + 7}}));
}

TEST_F(BlockCacheTest, TheEndComesWithWhatIsBeforeIt) {
  const CachedObject object = Make("a", 10 * kMb + 100);
  ASSERT_TRUE(Read(object, 10 * kMb + 92, 10 * kMb + 100).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{9 * kMb, 10 * kMb + 100}}));
}

TEST_F(BlockCacheTest, APlanFetchesWhatBelongsTogether) {
  const CachedObject object = Make("a", 40 * kMb);
  const ReadPlan plan(
      {{{0, 2 * kMb}, {10 * kMb, 12 * kMb}, {30 * kMb, 30 * kMb + 10}}, {{20 * kMb, 21 * kMb}}});
  remote_->SetDelay(std::chrono::milliseconds(20));
  ASSERT_TRUE(Read(object, 100, 200, &plan).ok());
  ASSERT_TRUE(Read(object, 10 * kMb, 12 * kMb, &plan).ok());
  ASSERT_TRUE(Read(object, 30 * kMb, 30 * kMb + 10, &plan).ok());
  const auto reads = remote_->TakeReads();
  EXPECT_EQ(reads.size(), 4u);  // the block that was asked for, and the rest of the group
  for (const auto& read : reads) EXPECT_EQ(read.after, 0u);
}

// Groups that many readers fetch at once must not drive each other out.
TEST_F(BlockCacheTest, OfALargeGroupOnlyWhatComesNextIsFetched) {
  options_.memory_bytes = 64 * kMb;  // of which 52 are kept, and a group takes 3 blocks
  options_.disk_bytes = 0;
  Open();
  const CachedObject object = Make("a", 40 * kMb);
  const ReadPlan plan({{{0, 40 * kMb}}});
  ASSERT_TRUE(Read(object, 10 * kMb, 10 * kMb + 1, &plan).ok());
  ASSERT_TRUE(Read(object, 12 * kMb, 12 * kMb + 1).ok());  // waits for the rest of the group
  ASSERT_TRUE(Read(object, 11 * kMb, 11 * kMb + 1).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{10 * kMb, 11 * kMb}, {11 * kMb, 13 * kMb}}));
}

TEST_F(BlockCacheTest, ManyReadersAreOneRequest) {
  const CachedObject object = Make("a", 10 * kMb);
  remote_->SetDelay(std::chrono::milliseconds(50));
  std::vector<std::thread> readers;
  for (int i = 0; i < 16; ++i) {
    readers.emplace_back([&] { EXPECT_TRUE(Read(object, 5 * kMb + 1, 5 * kMb + 2).ok()); });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(TakeRanges(), (Ranges{{5 * kMb, 6 * kMb}}));
  EXPECT_GT(cache_->counts().memory.waits, 0u);
}

TEST_F(BlockCacheTest, AnErrorGoesToAllWhoWaitAndIsNotKept) {
  const CachedObject object = Make("a", 10 * kMb);
  remote_->SetDelay(std::chrono::milliseconds(100));
  remote_->FailNext(1, Unavailable("try later (test)"));
  std::atomic<int> failed = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      const Status read = Read(object, 5 * kMb, 5 * kMb + 1);
      if (read.code() == StatusCode::kUnavailable) ++failed;
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(failed, 8);
  EXPECT_EQ(remote_->TakeReads().size(), 1u);
  EXPECT_TRUE(Read(object, 5 * kMb, 5 * kMb + 1).ok());
  EXPECT_EQ(cache_->counts().store.errors, 1u);
}

// The store does not answer: a reader that asks itself, one that waits for another's request, and
// one that waits for the memory to ask.
TEST_F(BlockCacheTest, AnInterruptedReaderDoesNotWaitForTheStore) {
  options_.memory_bytes = 1;  // room for 4 MiB under way
  Open();
  const CachedObject object = Make("a", 20 * kMb);
  remote_->SetDelay(std::chrono::hours(1));
  std::atomic<bool> interrupted = false;
  std::atomic<int> ended = 0;
  std::vector<std::thread> readers;
  for (const uint64_t block : {1, 1, 3, 5, 7, 9, 9, 11}) {
    readers.emplace_back([&, block] {
      const InterruptScope scope([&] { return interrupted.load(); });
      const Status read = Read(object, block * kMb, block * kMb + 10);
      EXPECT_EQ(SqlStateOf(read), sqlstate::kQueryCanceled) << read;
      ++ended;
    });
  }
  while (remote_->busy_max() < 4) std::this_thread::yield();
  EXPECT_EQ(ended, 0);
  interrupted = true;
  for (auto& reader : readers) reader.join();
  remote_->SetDelay(std::chrono::milliseconds(0));
  EXPECT_TRUE(Read(object, 0, 20 * kMb).ok());
}

TEST_F(BlockCacheTest, WhoeverWaitsWithAnInterruptedReaderIsServedAllTheSame) {
  const CachedObject object = Make("a", 10 * kMb);
  remote_->SetDelay(std::chrono::hours(1));
  std::atomic<bool> interrupted = false;
  std::thread first([&] {
    const InterruptScope scope([&] { return interrupted.load(); });
    EXPECT_EQ(SqlStateOf(Read(object, 5 * kMb, 5 * kMb + 10)), sqlstate::kQueryCanceled);
  });
  while (remote_->busy_max() < 1) std::this_thread::yield();
  std::thread second([&] { EXPECT_TRUE(Read(object, 5 * kMb + 1, 5 * kMb + 9).ok()); });
  while (cache_->counts().memory.waits < 1) std::this_thread::yield();
  remote_->SetDelay(std::chrono::milliseconds(0));
  interrupted = true;
  first.join();
  second.join();
  EXPECT_EQ(remote_->TakeReads().size(), 2u);
}

// The request of another goes on, and what the gone reader wanted to have is not written to.
TEST_F(BlockCacheTest, AReaderLeavesARequestThatOthersWaitFor) {
  const CachedObject object = Make("a", 10 * kMb);
  remote_->SetDelay(std::chrono::milliseconds(1500));
  std::thread first([&] { EXPECT_TRUE(Read(object, 5 * kMb, 5 * kMb + 10).ok()); });
  while (remote_->busy_max() < 1) std::this_thread::yield();
  {
    const InterruptScope scope([&] { return cache_->counts().memory.waits > 0; });
    EXPECT_EQ(SqlStateOf(Read(object, 5 * kMb, 6 * kMb)), sqlstate::kQueryCanceled);
  }
  EXPECT_EQ(cache_->counts().store.bytes, 0u) << "the other request should still be under way";
  first.join();
  EXPECT_EQ(remote_->TakeReads().size(), 1u);
}

TEST_F(BlockCacheTest, AnObjectThatIsShorterThanItsReaderSaysIsDamage) {
  const CachedObject object = Make("a", 6 * kMb);
  const CachedObject longer(*remote_, object.name, 6 * kMb + 1);
  std::string into(10, '\0');
  EXPECT_EQ(cache_->Read(longer, 6 * kMb - 9, into).code(), StatusCode::kDataLoss);
  EXPECT_EQ(cache_->Read(object, 6 * kMb - 9, into).code(), StatusCode::kDataLoss);
}

// The one joins the request of the other, which brings fewer bytes than it was told.
TEST_F(BlockCacheTest, AReaderThatThinksTheObjectLongerGetsNoBytesOfOthers) {
  const CachedObject object = Make("a", 5 * kMb + 10);
  const CachedObject longer(*remote_, object.name, 6 * kMb);
  remote_->SetDelay(std::chrono::milliseconds(100));
  const ByteRange end{5 * kMb, 5 * kMb + 10};
  cache_->Prefetch(object, {&end, 1});
  std::string into(kMb, '\0');
  EXPECT_EQ(cache_->Read(longer, 5 * kMb, into).code(), StatusCode::kDataLoss);
  EXPECT_TRUE(Read(object, 5 * kMb, 5 * kMb + 10).ok());
}

TEST_F(BlockCacheTest, AnObjectThatCameBackWithAnotherLengthIsReadAnew) {
  ASSERT_TRUE(Read(Make("a", 5 * kMb + 10), 5 * kMb, 5 * kMb + 10).ok());
  const CachedObject longer = Make("a", 6 * kMb);
  EXPECT_TRUE(Read(longer, 5 * kMb, 6 * kMb).ok());
}

TEST_F(BlockCacheTest, TheWorkingSetIsServedWithTheStoreOffAlsoAfterARestart) {
  const CachedObject object = Make("a", 20 * kMb);
  ASSERT_TRUE(Read(object, 0, 20 * kMb).ok());
  cache_->WaitUntilWritten();
  remote_->SetOff(true);
  EXPECT_TRUE(Read(object, 0, 20 * kMb).ok());
  Open();
  EXPECT_TRUE(Read(object, 0, 20 * kMb).ok());
  EXPECT_EQ(cache_->counts().disk.hits, 20u);
  EXPECT_EQ(cache_->counts().store.entries, 0u);
}

TEST_F(BlockCacheTest, ADamagedFileIsFetchedAgain) {
  const CachedObject object = Make("a", 5 * kMb);
  ASSERT_TRUE(Read(object, 0, 5 * kMb).ok());
  cache_->WaitUntilWritten();
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache")) {
    std::filesystem::resize_file(entry.path(), 1000);
  }
  Open();
  remote_->TakeReads();
  EXPECT_TRUE(Read(object, 0, 5 * kMb).ok());
  EXPECT_EQ(remote_->TakeReads().size(), 5u);
}

TEST_F(BlockCacheTest, BlocksThatAreTooOldAreFetchedAgain) {
  options_.ttl_us = 1000;
  Open();
  const CachedObject object = Make("a", 10 * kMb);
  ASSERT_TRUE(Read(object, 0, 10).ok());
  clock_.Advance(999);
  ASSERT_TRUE(Read(object, 0, 10).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, kMb}}));
  clock_.Advance(1);
  ASSERT_TRUE(Read(object, 0, 10).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, kMb}}));
}

TEST_F(BlockCacheTest, ABlockThatComesFromDiskIsAsOldAsItWas) {
  constexpr int64_t kSecond = 1'000'000;
  options_.ttl_us = 10 * kSecond;
  Open();
  const CachedObject object = Make("a", 10 * kMb);
  ASSERT_TRUE(Read(object, 0, 10).ok());
  cache_->WaitUntilWritten();
  Open();
  clock_.Advance(9 * kSecond);
  ASSERT_TRUE(Read(object, 0, 10).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, kMb}}));
  clock_.Advance(kSecond);
  ASSERT_TRUE(Read(object, 0, 10).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, kMb}}));
}

TEST_F(BlockCacheTest, WithoutTiersEveryReadIsARequestForJustThat) {
  options_.memory_bytes = 0;
  options_.disk_bytes = 0;
  Open();
  const CachedObject object = Make("a", 2 * kMb);
  ASSERT_TRUE(Read(object, 10, 20).ok());
  ASSERT_TRUE(Read(object, 10, 20).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{10, 20}, {10, 20}}));
  EXPECT_FALSE(cache_->keeps_in_memory());
}

TEST_F(BlockCacheTest, TheDiskAloneIsACacheToo) {
  options_.memory_bytes = 0;
  Open();
  const CachedObject object = Make("a", 8 * kMb);
  ASSERT_TRUE(Read(object, 0, 2 * kMb).ok());
  cache_->WaitUntilWritten();
  remote_->SetOff(true);
  EXPECT_TRUE(Read(object, 0, 2 * kMb).ok());
}

TEST_F(BlockCacheTest, PrefetchedBlocksNeedNoFurtherRequest) {
  const CachedObject object = Make("a", 10 * kMb);
  remote_->SetDelay(std::chrono::milliseconds(30));
  const ByteRange range{2 * kMb, 4 * kMb};
  cache_->Prefetch(object, {&range, 1});
  ASSERT_TRUE(Read(object, 2 * kMb, 4 * kMb).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{2 * kMb, 4 * kMb}}));
}

TEST_F(BlockCacheTest, TheEndOfAnObjectIsFetchedAhead) {
  const CachedObject small = Make("small", 100);
  cache_->PrefetchEnd(small);
  ASSERT_TRUE(Read(small, 0, 100).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{0, 100}}));
  const CachedObject large = Make("large", 10 * kMb + 100);
  cache_->PrefetchEnd(large);
  ASSERT_TRUE(Read(large, 10 * kMb, 10 * kMb + 100).ok());
  EXPECT_EQ(TakeRanges(), (Ranges{{9 * kMb, 10 * kMb + 100}}));
}

TEST_F(BlockCacheTest, APrefetchThatFindsNoPlaceHindersNobody) {
  options_.fetch_threads = 1;
  Open();
  remote_->SetDelay(std::chrono::milliseconds(200));
  const CachedObject first = Make("first", 10);
  const CachedObject last = Make("last", 10);
  const ByteRange all{0, 10};
  cache_->Prefetch(first, {&all, 1});
  for (size_t n = 0; n <= FetchPool::kQueueMax; ++n) {
    cache_->Prefetch(CachedObject(*remote_, {"lake", std::to_string(n)}, 10), {&all, 1});
  }
  cache_->Prefetch(last, {&all, 1});
  EXPECT_TRUE(Read(last, 0, 10).ok());
}

TEST_F(BlockCacheTest, AFileThatWouldDriveOutWhatIsInUseIsNotAdmitted) {
  options_.memory_bytes = 40 * kMb;
  options_.disk_bytes = 0;
  Open();
  const CachedObject object = Make("a", 9 * kMb);
  cache_->Admit(object.name, (folder_ / "store" / "a").string());
  EXPECT_EQ(cache_->counts().memory.entries, 0u);
  const CachedObject smaller = Make("b", 2 * kMb);
  cache_->Admit(smaller.name, (folder_ / "store" / "b").string());
  EXPECT_EQ(cache_->counts().memory.entries, 2u);
}

TEST_F(BlockCacheTest, StoredFilesAreInAndDeletedOnesOut) {
  CachingStore store("lake", *remote_, *cache_);
  const CachedObject source = Make("source", 6 * kMb + 3);
  contents_["b"] = contents_["source"];
  const std::string path = (folder_ / "file").string();
  const auto write = [&] {
    ASSERT_TRUE(local_->Put("copy", contents_["b"]).ok());
    std::filesystem::copy_file(folder_ / "store" / "copy", path,
                               std::filesystem::copy_options::overwrite_existing);
  };
  write();
  const io::FileToPut put{"b", path};
  // RemoteStore's folder takes the file away; an object store leaves it where it is.
  std::filesystem::create_hard_link(path, path + "2");
  ASSERT_TRUE(remote_->PutFile("b", path + "2").ok());
  cache_->Admit({"lake", put.name}, put.path);
  const CachedObject object(*remote_, {"lake", "b"}, 6 * kMb + 3);
  ASSERT_TRUE(Read(object, 0, 6 * kMb + 3).ok());
  EXPECT_EQ(TakeRanges(), Ranges{});
  cache_->WaitUntilWritten();
  EXPECT_EQ(cache_->counts().disk.entries, 7u);
  ASSERT_TRUE(store.Delete("b").ok());
  cache_->WaitUntilWritten();
  EXPECT_EQ(cache_->counts().disk.entries, 0u);
  EXPECT_EQ(cache_->counts().memory.entries, 0u);
  EXPECT_EQ(Read(object, 0, 1).code(), StatusCode::kNotFound);
  const CachedObject many = Make("many", 10);
  ASSERT_TRUE(Read(many, 0, 10).ok());
  ASSERT_TRUE(store.DeleteMany(std::vector<std::string>{"many"}).ok());
  EXPECT_EQ(Read(many, 0, 1).code(), StatusCode::kNotFound);
}

// 16 threads over four times what fits: every byte right, and memory within its option throughout.
TEST_F(BlockCacheTest, ManyThreadsStayWithinTheMemory) {
  options_.memory_bytes = 24 * kMb;
  options_.disk_bytes = 40 * kMb;
  Open();
  std::vector<CachedObject> objects;
  for (int i = 0; i < 8; ++i) objects.push_back(Make("o" + std::to_string(i), 12 * kMb + 17));
  std::atomic<bool> stop = false;
  std::thread watch([&] {
    while (!stop) {
      ASSERT_LE(cache_->used_bytes(), options_.memory_bytes);
      ASSERT_LE(cache_->counts().disk.bytes, options_.disk_bytes);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> readers;
  for (uint64_t t = 0; t < 16; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937_64 random(t);
      for (int i = 0; i < 60; ++i) {
        const CachedObject& object = objects[random() % objects.size()];
        const uint64_t begin = random() % object.bytes;
        const uint64_t end = begin + random() % std::min(object.bytes - begin + 1, 3 * kMb);
        std::string got(end - begin, '\0');
        ASSERT_TRUE(cache_->Read(object, begin, got).ok());
        ASSERT_EQ(got, contents_.at(object.name.object).substr(begin, end - begin));
        if (i % 20 == 19) cache_->Forget(object.name);
      }
    });
  }
  for (auto& reader : readers) reader.join();
  stop = true;
  watch.join();
  EXPECT_GT(cache_->counts().memory.evictions, 0u);
}

}  // namespace
}  // namespace varve::cache
