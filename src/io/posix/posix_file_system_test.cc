#include "io/posix/posix_file_system.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace varve::io {
namespace {

class PosixFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "varve_posix_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string Path(const std::string& name) const { return JoinPath(dir_, name); }
  std::string Read(const std::string& name) { return *files_.ReadAll(Path(name), 1 << 24); }

  PosixFileSystem& files_ = PosixFileSystem::Get();
  std::string dir_;
};

TEST_F(PosixFileSystemTest, AppendsManyPiecesInOrderInsideThePreallocatedPart) {
  auto file = files_.Create(Path("a"), 1 << 16);
  ASSERT_TRUE(file.ok()) << file.status();
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 2500; ++i)
    texts.push_back(std::string(i % 7, static_cast<char>('a' + i % 26)));
  std::vector<std::string_view> pieces(texts.begin(), texts.end());
  for (const std::string& text : texts) expected += text;
  ASSERT_TRUE((*file)->Append(pieces).ok());
  ASSERT_TRUE((*file)->Append("end").ok());
  ASSERT_TRUE((*file)->DataSync().ok());
  expected += "end";
  EXPECT_EQ((*file)->position(), expected.size());
  const std::string content = Read("a");
  ASSERT_EQ(content.size(), size_t{1} << 16);
  EXPECT_EQ(content.substr(0, expected.size()), expected);
  EXPECT_EQ(content.find_first_not_of('\0', expected.size()), std::string::npos);
}

TEST_F(PosixFileSystemTest, CreateRefusesATakenNameAndRecreateDropsTheContent) {
  ASSERT_TRUE(files_.WriteSynced(Path("a"), "old").ok());
  EXPECT_EQ(files_.Create(Path("a"), 0).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Read("a"), "old");
  ASSERT_TRUE((*files_.Recreate(Path("a"), 8))->Append("new").ok());
  EXPECT_EQ(Read("a"), std::string("new\0\0\0\0\0", 8));
  EXPECT_EQ(files_.Recreate(Path("b"), 0).status().code(), StatusCode::kNotFound);
}

TEST_F(PosixFileSystemTest, AReplacedFileIsForItsUserAlone) {
  ASSERT_TRUE(files_.WriteSynced(Path("a"), "old").ok());
  ASSERT_TRUE(files_.WriteSynced(Path("a.new"), "what a crash has left").ok());
  ASSERT_TRUE(files_.Replace(Path("a"), "new").ok());
  EXPECT_EQ(Read("a"), "new");
  struct stat info{};
  ASSERT_EQ(stat(Path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  EXPECT_EQ(files_.Stat(Path("a.new")).status().code(), StatusCode::kNotFound);
}

TEST_F(PosixFileSystemTest, TruncateOnlyShortens) {
  ASSERT_TRUE(files_.WriteSynced(Path("a"), "abcdef").ok());
  ASSERT_TRUE(files_.Truncate(Path("a"), 2).ok());
  EXPECT_EQ(Read("a"), "ab");
  EXPECT_EQ(files_.Truncate(Path("a"), 3).code(), StatusCode::kInvalidArgument);
}

TEST_F(PosixFileSystemTest, NamesAreListedRenamedLinkedAndRemoved) {
  ASSERT_TRUE(files_.MakeDirs(Path("x/y/")).ok());
  ASSERT_TRUE(files_.MakeDirs(Path("x/y")).ok());
  ASSERT_TRUE(files_.WriteSynced(Path("x/b"), "22").ok());
  ASSERT_TRUE(files_.WriteSynced(Path("x/a"), "1").ok());
  ASSERT_TRUE(files_.SyncDir(Path("x")).ok());
  const auto entries = files_.List(Path("x"));
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_EQ((*entries)[1].bytes, 2u);
  EXPECT_GT((*entries)[1].modified_us, 1'500'000'000'000'000);
  EXPECT_TRUE((*entries)[2].is_dir);
  EXPECT_EQ(files_.Link(Path("x/a"), Path("x/b")).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(files_.Link(Path("x/a"), Path("x/c")).ok());
  ASSERT_TRUE(files_.Rename(Path("x/a"), Path("x/b")).ok());
  EXPECT_EQ(Read("x/b"), "1");
  EXPECT_EQ(files_.Stat(Path("x/a")).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(files_.Remove(Path("x/c")).ok());
  EXPECT_EQ(files_.Remove(Path("x/c")).code(), StatusCode::kNotFound);
  EXPECT_EQ(files_.List(Path("no")).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(files_.MakeDirs(Path("x/b/z")).ok());
}

TEST_F(PosixFileSystemTest, ReadsShortOnlyAtTheEndAndRefusesTooMuch) {
  ASSERT_TRUE(files_.WriteSynced(Path("a"), "abcdef").ok());
  const auto file = files_.OpenRead(Path("a"));
  ASSERT_TRUE(file.ok());
  std::string into(4, '.');
  EXPECT_EQ(*(*file)->ReadAt(1, into), 4u);
  EXPECT_EQ(into, "bcde");
  EXPECT_EQ(*(*file)->ReadAt(4, into), 2u);
  EXPECT_EQ(into, "efde");
  EXPECT_EQ(files_.ReadAll(Path("a"), 5).status().code(), StatusCode::kResourceExhausted);
}

TEST_F(PosixFileSystemTest, TheLockHasOneHolderAndNamesIt) {
  auto first = files_.Lock(Path("LOCK"), "pid 7\n");
  ASSERT_TRUE(first.ok()) << first.status();
  const Status second = files_.Lock(Path("LOCK"), "pid 8\n").status();
  EXPECT_EQ(SqlStateOf(second), sqlstate::kObjectInUse);
  EXPECT_EQ(DetailOf(second), "pid 7\n");
  first->reset();
  EXPECT_TRUE(files_.Lock(Path("LOCK"), "9\n").ok());
  EXPECT_EQ(Read("LOCK"), "9\n");
}

class MappedFileTest : public PosixFileSystemTest {
 protected:
  // Of the disk, in bytes.
  uint64_t Room(const std::string& name) const {
    struct stat info{};
    EXPECT_EQ(stat(Path(name).c_str(), &info), 0);
    return static_cast<uint64_t>(info.st_blocks) * 512;
  }
};

TEST_F(MappedFileTest, WhatIsStoredIsInTheFile) {
  {
    auto file = files_.CreateMapped(Path("a"), 10'000);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_EQ((*file)->bytes().size(), 10'000u);
    ASSERT_TRUE((*file)->Allocate(0, (*file)->page_bytes()).ok());
    (*file)->bytes()[7] = 'x';
    ASSERT_TRUE((*file)->DataSync().ok());
  }
  EXPECT_EQ(Read("a").size(), 10'000u);
  EXPECT_EQ(Read("a")[7], 'x');
  EXPECT_EQ(files_.CreateMapped(Path("a"), 1).status().code(), StatusCode::kAlreadyExists);
  auto again = files_.OpenMapped(Path("a"), 10'000);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->bytes()[7], 'x');
  EXPECT_EQ(files_.OpenMapped(Path("b"), 10'000).status().code(), StatusCode::kNotFound);
  // Else touching the end would be a SIGBUS.
  EXPECT_EQ(files_.OpenMapped(Path("a"), 10'001).status().code(), StatusCode::kDataLoss);
}

TEST_F(MappedFileTest, TakesRoomByPagesAndGivesItBack) {
  auto created = files_.CreateMapped(Path("a"), 64ull << 20);
  ASSERT_TRUE(created.ok()) << created.status();
  io::MappedFile& file = **created;
  const uint64_t page = file.page_bytes();
  EXPECT_EQ(Room("a"), 0u);
  ASSERT_TRUE(file.Load(0, 100 * page).ok());  // Reading takes none.
  ASSERT_TRUE(file.DataSync().ok());
  EXPECT_EQ(Room("a"), 0u);
  ASSERT_TRUE(file.Allocate(page, 2 * page).ok());
  EXPECT_EQ(Room("a"), 2 * page);
  std::fill_n(file.bytes().begin() + static_cast<ptrdiff_t>(page), 2 * page, 'x');
  ASSERT_TRUE(file.Allocate(page, 2 * page).ok());
  EXPECT_EQ(file.bytes()[page], 'x') << "what has room keeps its content";
  ASSERT_TRUE(file.PunchHole(page, page).ok());
  EXPECT_EQ(file.bytes()[page], '\0');
  EXPECT_EQ(file.bytes()[2 * page], 'x');
  EXPECT_EQ(Room("a"), page);
  EXPECT_EQ(files_.Stat(Path("a"))->bytes, 64u << 20);
}

TEST_F(MappedFileTest, WithoutADescriptorNothingIsDoneAndMayBeDoneLater) {
  auto created = files_.CreateMapped(Path("a"), 5'000);
  ASSERT_TRUE(created.ok()) << created.status();
  io::MappedFile& file = **created;
  ASSERT_TRUE(file.Allocate(0, file.page_bytes()).ok());
  file.bytes()[7] = 'x';
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status refused = file.DataSync();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition) << refused;
  EXPECT_NE(MessageOf(refused).find("Too many open files"), std::string_view::npos) << refused;
  EXPECT_TRUE(file.DataSync().ok());
}

TEST_F(MappedFileTest, TheLastPageMayReachBeyondTheFile) {
  auto created = files_.CreateMapped(Path("a"), 5'000);
  ASSERT_TRUE(created.ok()) << created.status();
  io::MappedFile& file = **created;
  const uint64_t page = file.page_bytes();
  ASSERT_TRUE(file.Allocate(0, 2 * page).ok());
  ASSERT_TRUE(file.Load(0, 2 * page).ok());
  file.bytes()[4'999] = 'x';
  ASSERT_TRUE(file.DataSync().ok());
  ASSERT_TRUE(file.PunchHole(page, page).ok());
  EXPECT_EQ(file.bytes()[4'999], '\0');
  EXPECT_EQ(files_.Stat(Path("a"))->bytes, 5'000u);
  EXPECT_LE(Room("a"), page);
}

// Every write to this device fails with ENOSPC.
TEST_F(PosixFileSystemTest, AFullDiskIs53100) {
  auto file = files_.Recreate("/dev/full", 0);
  if (!file.ok()) GTEST_SKIP() << "this system has no /dev/full";
  EXPECT_EQ(SqlStateOf((*file)->Append("a")), sqlstate::kDiskFull);
}

TEST_F(PosixFileSystemTest, SpaceIsReported) {
  const auto space = files_.Space(dir_);
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_GT(space->used_bytes, 0u);
  EXPECT_LE(space->free_bytes + space->used_bytes, space->total_bytes);
  // What is kept for the system alone is not used. Others may write meanwhile, but not so much.
  struct statvfs info{};
  ASSERT_EQ(statvfs(dir_.c_str(), &info), 0);
  const double used = static_cast<double>(info.f_blocks - info.f_bfree) * info.f_frsize;
  EXPECT_NEAR(static_cast<double>(space->used_bytes), used, 64 << 20);
}

}  // namespace
}  // namespace varve::io
