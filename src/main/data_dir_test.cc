#include "main/data_dir.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "io/posix/posix_file_system.h"

namespace varve {
namespace {

class DataDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "varve-data-dir-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
  std::unique_ptr<io::FileSystem> files_ = std::make_unique<io::PosixFileSystem>();
};

TEST_F(DataDirTest, NodeIdStaysTheSame) {
  std::string id;
  {
    Result<DataDir> dir = OpenDataDir(*files_, root_ / "new" / "data");
    ASSERT_TRUE(dir.ok()) << dir.status();
    id = dir->node_id;
  }
  Result<DataDir> again = OpenDataDir(*files_, root_ / "new" / "data");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->node_id, id);
}

TEST_F(DataDirTest, ASecondServerIsRefusedWithAReason) {
  Result<DataDir> first = OpenDataDir(*files_, root_);
  ASSERT_TRUE(first.ok()) << first.status();
  const Status second = OpenDataDir(*files_, root_).status();
  EXPECT_EQ(SqlStateOf(second), sqlstate::kObjectInUse);
  EXPECT_NE(MessageOf(second).find("another server"), std::string_view::npos);
}

TEST_F(DataDirTest, ADamagedNodeIdStopsTheStart) {
  ASSERT_TRUE(OpenDataDir(*files_, root_).ok());
  std::ofstream(root_ / "node_id") << "short";
  EXPECT_EQ(OpenDataDir(*files_, root_).status().code(), StatusCode::kDataLoss);
}

TEST_F(DataDirTest, WhatWasStagedIsRememberedUntilItIsEmptied) {
  EXPECT_FALSE(OpenDataDir(*files_, root_)->had_staged);
  std::ofstream(root_ / "staged" / "part.parquet") << "x";
  EXPECT_TRUE(OpenDataDir(*files_, root_)->had_staged);
  const auto dir = OpenDataDir(*files_, root_);
  EXPECT_TRUE(dir->had_staged) << "the start before this one has given up";
  ASSERT_TRUE(EmptyStaged(*files_, *dir).ok());
  EXPECT_FALSE(std::filesystem::exists(root_ / "staged" / "part.parquet"));
}

TEST_F(DataDirTest, AnEmptyStagedFolderMeansNothing) {
  ASSERT_TRUE(OpenDataDir(*files_, root_).ok());
  EXPECT_FALSE(OpenDataDir(*files_, root_)->had_staged);
}

TEST_F(DataDirTest, ScratchIsEmptiedAtStart) {
  ASSERT_TRUE(OpenDataDir(*files_, root_).ok());
  std::ofstream(root_ / "scratch" / "left.parquet") << "x";
  ASSERT_TRUE(OpenDataDir(*files_, root_).ok());
  EXPECT_FALSE(std::filesystem::exists(root_ / "scratch" / "left.parquet"));
}

}  // namespace
}  // namespace varve
