// What LocalStore asks of the disk, in which order: the test's own fsync and link stand before the
// C library's and write down each call.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/posix/local_store.h"

namespace {

varve::Mutex calls_mutex;
std::vector<std::string> calls;  // "sync PATH", "link TO"
std::string failing_path;        // its sync gives EIO

void Note(const std::string& call) {
  const varve::MutexLock lock(calls_mutex);
  calls.push_back(call);
}

}  // namespace

extern "C" int fsync(int fd) {
  std::string path(4096, '\0');
  const ssize_t length =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
  path.resize(length < 0 ? 0 : static_cast<size_t>(length));
  if (!failing_path.empty() && path == failing_path) {
    errno = EIO;
    return -1;
  }
  const int result = static_cast<int>(::syscall(SYS_fsync, fd));
  Note("sync " + path);  // Afterwards: what counts is when it was done.
  return result;
}

extern "C" int link(const char* from, const char* to) noexcept {
  Note(std::string("link ") + to);
  return static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace varve::io {
namespace {

namespace fs = std::filesystem;

class SyncOrderTest : public ::testing::Test {
 protected:
  SyncOrderTest() {
    std::string pattern = (fs::temp_directory_path() / "varve-order-XXXXXX").string();
    dir_ = fs::canonical(::mkdtemp(pattern.data()));
    root_ = dir_ + "/lake";
    store_ = *LocalStore::Open(root_);
    Forget();
  }
  ~SyncOrderTest() override {
    failing_path.clear();
    fs::remove_all(dir_);
  }

  FileToPut File(const std::string& name) {
    std::string path = dir_ + "/local-" + std::to_string(next_++);
    std::ofstream(path) << name;
    return {name, std::move(path)};
  }
  static void Forget() { calls.clear(); }
  static size_t CountOf(const std::string& call) {
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
  }
  static size_t PlaceOf(const std::string& call) {
    return static_cast<size_t>(std::find(calls.begin(), calls.end(), call) - calls.begin());
  }

  std::string dir_;
  std::string root_;
  std::unique_ptr<LocalStore> store_;
  int next_ = 0;
};

TEST_F(SyncOrderTest, AFileIsSyncedBeforeItHasItsNameAndTheFolderAfterwards) {
  std::vector<FileToPut> files;
  for (const char* name : {"t/p=1/d=1/a", "t/p=1/d=1/b", "t/p=1/d=2/a", "t/p=2/d=1/a"}) {
    files.push_back(File(name));
  }
  ASSERT_TRUE(store_->PutFiles(files).ok());
  for (const FileToPut& file : files) {
    EXPECT_EQ(*store_->Get(file.name), file.name);
    const std::string target = root_ + "/" + file.name;
    const size_t linked = PlaceOf("link " + target);
    EXPECT_LT(PlaceOf("sync " + file.path), linked);
    const size_t folder = PlaceOf("sync " + target.substr(0, target.rfind('/')));
    EXPECT_LT(linked, folder);
    EXPECT_LT(folder, calls.size());
  }
  // Each once: the files, their folders, and those that hold the new folders' own entries.
  for (const char* folder :
       {"", "/t", "/t/p=1", "/t/p=2", "/t/p=1/d=1", "/t/p=1/d=2", "/t/p=2/d=1"}) {
    EXPECT_EQ(CountOf("sync " + root_ + folder), 1u) << folder;
  }
  EXPECT_EQ(calls.size(), files.size() * 2 + 7);
}

TEST_F(SyncOrderTest, KnownFoldersAreSyncedForTheirNewEntriesOnly) {
  ASSERT_TRUE(store_->PutFiles(std::vector{File("t/p=1/a")}).ok());
  Forget();
  ASSERT_TRUE(store_->PutFiles(std::vector{File("t/p=1/b"), File("t/p=2/a")}).ok());
  EXPECT_EQ(CountOf("sync " + root_), 0u);
  for (const char* folder : {"/t", "/t/p=1", "/t/p=2"}) {
    EXPECT_EQ(CountOf("sync " + root_ + folder), 1u) << folder;
  }
}

TEST_F(SyncOrderTest, NothingHasItsNameWhenOneFileCannotBeSynced) {
  std::vector<FileToPut> files;
  for (int i = 0; i < 20; ++i) files.push_back(File("t/" + std::to_string(i)));
  failing_path = files[13].path;
  EXPECT_FALSE(store_->PutFiles(files).ok());
  EXPECT_TRUE(store_->List("t/")->empty());
}

TEST_F(SyncOrderTest, AFolderThatCannotBeSyncedIsAnErrorAndIsSyncedNextTime) {
  failing_path = root_ + "/t";
  EXPECT_FALSE(store_->PutFiles(std::vector{File("t/p=1/a")}).ok());
  failing_path.clear();
  Forget();
  ASSERT_TRUE(store_->PutFiles(std::vector{File("t/p=1/b")}).ok());
  EXPECT_EQ(CountOf("sync " + root_ + "/t"), 1u);
}

}  // namespace
}  // namespace varve::io
