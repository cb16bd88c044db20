#include "io/posix/local_store.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"

namespace varve::io {
namespace {

namespace fs = std::filesystem;

class LocalStoreTest : public ::testing::Test {
 protected:
  LocalStoreTest() {
    std::string pattern = (fs::temp_directory_path() / "varve-store-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    store_ = *LocalStore::Open(Root());
  }
  ~LocalStoreTest() override { fs::remove_all(dir_); }

  std::string Root() const { return dir_ + "/lake/root"; }
  std::vector<std::string> Names(std::string_view prefix, std::string_view after = {}) {
    std::vector<std::string> names;
    const std::vector<ObjectInfo> objects = *store_->List(prefix, after);
    for (const ObjectInfo& object : objects) names.push_back(object.name);
    return names;
  }
  size_t TemporaryFiles() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(Root() + "/.varve-tmp")) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  std::string dir_;
  std::unique_ptr<LocalStore> store_;
};

using Strings = std::vector<std::string>;

TEST_F(LocalStoreTest, PutReplacesAndGetReadsBack) {
  ASSERT_TRUE(store_->Put("a/b/c", "one").ok());
  ASSERT_TRUE(store_->Put("a/b/c", "two, longer").ok());
  EXPECT_EQ(*store_->Get("a/b/c"), "two, longer");
  EXPECT_EQ(*store_->GetRange("a/b/c", 5, 8), "lon");
  EXPECT_EQ(*store_->GetRange("a/b/c", 8, 100), "ger");
  EXPECT_EQ(*store_->GetRange("a/b/c", 50, 60), "");
  EXPECT_EQ(store_->Head("a/b/c")->bytes, 11u);
  EXPECT_GT(store_->Head("a/b/c")->modified_us, 1'600'000'000'000'000);
  EXPECT_EQ(TemporaryFiles(), 0u);
}

TEST_F(LocalStoreTest, MissingObjectsAreNotFound) {
  ASSERT_TRUE(store_->Put("a", "file").ok());
  for (const char* name : {"b", "a/b", "x/y/z"}) {
    EXPECT_EQ(store_->Get(name).status().code(), StatusCode::kNotFound) << name;
    EXPECT_EQ(store_->Head(name).status().code(), StatusCode::kNotFound) << name;
    EXPECT_TRUE(store_->Delete(name).ok()) << name;
  }
  ASSERT_TRUE(store_->Put("folder/x", "").ok());
  EXPECT_EQ(store_->Get("folder").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->Head("folder").status().code(), StatusCode::kNotFound);
}

TEST_F(LocalStoreTest, NamesThatLeaveTheFolderAreRefused) {
  for (const std::string& name :
       {std::string(""), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("../a"), std::string("a/../../b"), std::string("a/.."), std::string("./a"),
        std::string("a\0b", 3), std::string(".varve-tmp/x"), std::string(5000, 'n')}) {
    EXPECT_EQ(store_->Put(name, "x").code(), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(store_->PutIfAbsent(name, "x").code(), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(store_->Get(name).status().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(store_->Delete(name).code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(store_->List("../").status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(store_->Put("a..b/..c", "x").ok());
}

TEST_F(LocalStoreTest, PutIfAbsentKeepsTheFirst) {
  ASSERT_TRUE(store_->PutIfAbsent("log/1", "first").ok());
  EXPECT_EQ(store_->PutIfAbsent("log/1", "second").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*store_->Get("log/1"), "first");
  EXPECT_EQ(TemporaryFiles(), 0u);
}

// Stores in several threads race for the same names; each name has one winner, whose content stays.
TEST_F(LocalStoreTest, PutIfAbsentHasOneWinner) {
  constexpr int kThreads = 8;
  constexpr int kNames = 50;
  std::vector<std::atomic<int>> winners(kNames);
  std::vector<std::atomic<int>> winner_of(kNames);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto store = *LocalStore::Open(Root());
      for (int n = 0; n < kNames; ++n) {
        const Status put =
            store->PutIfAbsent("race/" + std::to_string(n), "thread " + std::to_string(t));
        if (put.ok()) {
          ++winners[n];
          winner_of[n] = t;
        } else {
          EXPECT_EQ(put.code(), StatusCode::kAlreadyExists);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int n = 0; n < kNames; ++n) {
    EXPECT_EQ(winners[n], 1);
    EXPECT_EQ(*store_->Get("race/" + std::to_string(n)),
              "thread " + std::to_string(winner_of[n].load()));
  }
}

TEST_F(LocalStoreTest, ListIsSortedBytewiseAcrossFolders) {
  // '-' and '.' sort before '/', letters after it: a walk folder by folder would get this wrong.
  for (const char* name : {"t/a/1", "t/a-b", "t/a.c", "t/ab", "t/a/2/x", "u/1", "t2"}) {
    ASSERT_TRUE(store_->Put(name, name).ok());
  }
  EXPECT_EQ(Names(""), (Strings{"t/a-b", "t/a.c", "t/a/1", "t/a/2/x", "t/ab", "t2", "u/1"}));
  EXPECT_EQ(Names("t/"), (Strings{"t/a-b", "t/a.c", "t/a/1", "t/a/2/x", "t/ab"}));
  EXPECT_EQ(Names("t"), (Strings{"t/a-b", "t/a.c", "t/a/1", "t/a/2/x", "t/ab", "t2"}));
  EXPECT_EQ(Names("t/a/"), (Strings{"t/a/1", "t/a/2/x"}));
  EXPECT_EQ(Names("t/a/2"), (Strings{"t/a/2/x"}));
  EXPECT_EQ(Names("none/"), Strings{});
  EXPECT_EQ(Names("t2/"), Strings{});
}

TEST_F(LocalStoreTest, ListStartsAfterAnyName) {
  const Strings all = {"a-", "a/b", "a/c/d", "a/c/e", "a0", "b"};
  for (const std::string& name : all) ASSERT_TRUE(store_->Put(name, "x").ok());
  for (const std::string after :
       {"", "A", "a", "a-", "a/", "a/b", "a/c", "a/c/", "a/c/d", "a/c/d0", "a/d", "a1", "b", "c"}) {
    Strings expected;
    for (const std::string& name : all) {
      if (name > after) expected.push_back(name);
    }
    EXPECT_EQ(Names("", after), expected) << after;
  }
}

TEST_F(LocalStoreTest, FoldersAreListedOnce) {
  EXPECT_EQ(*store_->ListFolders(""), Strings{});
  for (const char* name : {"a/b/1", "a/c/2", "a-b/3", "z", "b/4"}) {
    ASSERT_TRUE(store_->Put(name, "x").ok());
  }
  EXPECT_EQ(*store_->ListFolders(""), (Strings{"a", "a-b", "b"}));
  EXPECT_EQ(*store_->ListFolders("a/"), (Strings{"b", "c"}));
  EXPECT_EQ(*store_->ListFolders("gone/"), Strings{});
  EXPECT_EQ(*store_->ObjectStore::ListFolders(""), (Strings{"a", "a-b", "b"}));
  EXPECT_EQ(*store_->ObjectStore::ListFolders("a/"), (Strings{"b", "c"}));
}

TEST_F(LocalStoreTest, AStoreWithoutItsFolderIsDownAndNotEmpty) {
  ASSERT_TRUE(store_->Put("a", "x").ok());
  const std::string root = fs::path(store_->ReadPath("a")).parent_path();
  fs::rename(root, root + ".away");
  std::ofstream(root) << "a file where the folder was";
  EXPECT_EQ(store_->Get("a").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_->Head("a").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_->List("").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_->ListFolders("").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_->Delete("a").code(), StatusCode::kUnavailable);
  EXPECT_EQ(store_->Put("a", "y").code(), StatusCode::kUnavailable);
  fs::remove(root);
  EXPECT_EQ(store_->Get("a").status().code(), StatusCode::kUnavailable);
  fs::rename(root + ".away", root);
  EXPECT_EQ(*store_->Get("a"), "x");
}

TEST_F(LocalStoreTest, PutFileLeavesTheFileToItsOwner) {
  const std::string source = dir_ + "/scratch.parquet";
  const std::string name = "t/date=2025-01-01/part-1.parquet";
  std::ofstream(source) << "content";
  ASSERT_TRUE(store_->PutFile(name, source).ok());
  EXPECT_EQ(*store_->Get(name), "content");
  ASSERT_TRUE(store_->PutFile(name, source).ok());  // once more, after an error elsewhere
  EXPECT_EQ(*store_->Get(name), "content");
  ASSERT_TRUE(fs::exists(source));
  fs::remove(source);
  EXPECT_EQ(*store_->Get(name), "content");
  EXPECT_EQ(store_->PutFile("t/x", source).code(), StatusCode::kNotFound);
  EXPECT_EQ(TemporaryFiles(), 0u);
}

TEST_F(LocalStoreTest, PutFileReplacesAnObject) {
  const std::string source = dir_ + "/scratch.parquet";
  std::ofstream(source) << "new";
  ASSERT_TRUE(store_->Put("t/a", "old").ok());
  ASSERT_TRUE(store_->PutFile("t/a", source).ok());
  EXPECT_EQ(*store_->Get("t/a"), "new");
  EXPECT_EQ(TemporaryFiles(), 0u);
}

// A file may wait for hours before it becomes an object. A vacuum between that and its commit goes
// by the object's age.
TEST_F(LocalStoreTest, AnObjectIsAsOldAsItsPut) {
  const std::string source = dir_ + "/scratch.parquet";
  std::ofstream(source) << "content";
  fs::last_write_time(source, fs::file_time_type::clock::now() - std::chrono::hours(5));
  ASSERT_TRUE(store_->PutFile("t/a", source).ok());
  EXPECT_GT(store_->Head("t/a")->modified_us, Clock::System().NowUs() - 60'000'000);
}

TEST_F(LocalStoreTest, PutFileCopiesFromAnotherFileSystem) {
  struct stat here{};
  struct stat there{};
  if (::stat(dir_.c_str(), &here) != 0 || ::stat("/dev/shm", &there) != 0 ||
      here.st_dev == there.st_dev) {
    GTEST_SKIP() << "needs a second file system";
  }
  std::string source = "/dev/shm/varve-store-XXXXXX";
  const int fd = ::mkstemp(source.data());
  ASSERT_GE(fd, 0);
  ::close(fd);
  const std::string content(3'000'000, 'x');
  std::ofstream(source) << content;
  ASSERT_TRUE(store_->PutFile("t/part-1.parquet", source).ok());
  EXPECT_TRUE(fs::remove(source));
  EXPECT_EQ(*store_->Get("t/part-1.parquet"), content);
  EXPECT_EQ(TemporaryFiles(), 0u);
}

TEST_F(LocalStoreTest, AFolderThatWentAwayIsMadeAgain) {
  ASSERT_TRUE(store_->Put("t/a/1", "x").ok());
  fs::remove_all(Root() + "/t");
  EXPECT_TRUE(store_->Put("t/a/2", "y").ok());
  EXPECT_EQ(Names("t/"), Strings{"t/a/2"});
}

TEST_F(LocalStoreTest, OpenRemovesOnlyOldTemporaryFiles) {
  const std::string old_file = Root() + "/.varve-tmp/1-0";
  const std::string new_file = Root() + "/.varve-tmp/1-1";
  std::ofstream(old_file) << "left by a crash";
  std::ofstream(new_file) << "being written by another process";
  const timeval long_ago[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(::utimes(old_file.c_str(), long_ago), 0);
  const auto again = *LocalStore::Open(Root());
  EXPECT_FALSE(fs::exists(old_file));
  EXPECT_TRUE(fs::exists(new_file));
}

TEST_F(LocalStoreTest, SystemErrorsCarryTheirState) {
  ASSERT_TRUE(store_->Put("file", "x").ok());
  const Status below_a_file = store_->Put("file/x", "y");
  EXPECT_EQ(SqlStateOf(below_a_file), sqlstate::kIoError) << below_a_file;
  EXPECT_EQ(TemporaryFiles(), 0u);
}

TEST_F(LocalStoreTest, AFullDiskIs53100) {
  const std::string target = dir_ + "/small";
  fs::create_directory(target);
  if (::mount("tmpfs", target.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "needs the right to mount a small file system";
  }
  {
    const auto small = *LocalStore::Open(target);
    ASSERT_TRUE(small->Put("a", "fits").ok());
    const Status put = small->Put("b", std::string(1'000'000, 'x'));
    EXPECT_EQ(SqlStateOf(put), sqlstate::kDiskFull) << put;
    EXPECT_EQ(small->Get("b").status().code(), StatusCode::kNotFound);
    EXPECT_TRUE(small->Put("c", "still fits").ok());
  }
  EXPECT_EQ(::umount(target.c_str()), 0);
}

}  // namespace
}  // namespace varve::io
