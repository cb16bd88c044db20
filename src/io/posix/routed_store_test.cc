// A store of the server and stores of projects, all of them local folders.
#include "io/routed_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "io/posix/local_store.h"

namespace varve::io {
namespace {

class RoutedStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "routed_store_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    main_ = *LocalStore::Open(root_ + "/main");
    acme_ = *LocalStore::Open(root_ + "/acme");
    routed_ = std::make_unique<RoutedStore>(*main_);
    routed_->Route("acme", acme_.get());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static std::vector<std::string> Names(ObjectStore& store, std::string_view prefix = "",
                                        std::string_view after = "") {
    std::vector<std::string> names;
    const auto objects = store.List(prefix, after);
    EXPECT_TRUE(objects.ok()) << objects.status();
    for (const auto& object : *objects) names.push_back(object.name);
    return names;
  }
  using Texts = std::vector<std::string>;

  std::string root_;
  std::unique_ptr<LocalStore> main_;
  std::unique_ptr<LocalStore> acme_;
  std::unique_ptr<RoutedStore> routed_;
};

TEST_F(RoutedStoreTest, ProjectsObjectsAreInTheirStoreOnly) {
  ASSERT_TRUE(routed_->Put("t/a", "shared").ok());
  ASSERT_TRUE(routed_->Put(".project/acme/t/a", "own").ok());
  EXPECT_EQ(*main_->Get("t/a"), "shared");
  EXPECT_EQ(*acme_->Get("t/a"), "own");
  EXPECT_EQ(*routed_->Get(".project/acme/t/a"), "own");
  EXPECT_EQ(*routed_->GetRange(".project/acme/t/a", 1, 3), "wn");
  EXPECT_EQ(routed_->Head(".project/acme/t/a")->name, ".project/acme/t/a");
  EXPECT_EQ(routed_->PutIfAbsent(".project/acme/t/a", "x").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Names(*main_), Texts{"t/a"});
  EXPECT_EQ(routed_->ReadPath(".project/acme/t/a"), acme_->ReadPath("t/a"));
}

TEST_F(RoutedStoreTest, ListingsNameObjectsAsTheyWereAskedFor) {
  for (const char* name : {"t/a", "t/b", "u/c"}) ASSERT_TRUE(acme_->Put(name, "x").ok());
  ASSERT_TRUE(main_->Put("t/main", "x").ok());
  EXPECT_EQ(Names(*routed_, ".project/acme/t/"), (Texts{".project/acme/t/a", ".project/acme/t/b"}));
  EXPECT_EQ(Names(*routed_, ".project/acme/t/", ".project/acme/t/a"), Texts{".project/acme/t/b"});
  EXPECT_EQ(Names(*routed_, ".project/acme/t/", ".a").size(), 2u);
  EXPECT_TRUE(Names(*routed_, ".project/acme/t/", "t").empty());
  EXPECT_EQ(Names(*routed_, ""), Texts{"t/main"});
  EXPECT_EQ(*routed_->ListFolders(".project/acme/"), (Texts{"t", "u"}));
  EXPECT_EQ(*routed_->ListFolders(""), Texts{"t"});
}

TEST_F(RoutedStoreTest, ManyAtOnceAreSplitByStore) {
  ASSERT_TRUE(main_->Put("file", "content").ok());
  const std::string path = main_->ReadPath("file");
  const std::vector<FileToPut> puts = {{"t/a", path}, {".project/acme/t/b", path}};
  ASSERT_TRUE(routed_->PutFiles(puts).ok());
  EXPECT_EQ(Names(*acme_), Texts{"t/b"});
  EXPECT_EQ(Names(*main_), (Texts{"file", "t/a"}));
  const Texts names = {"t/a", ".project/none/x", ".project/acme/t/b"};
  EXPECT_EQ(routed_->DeleteMany(names).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Names(*acme_).empty()) << "the others are tried all the same";
  EXPECT_EQ(Names(*main_), Texts{"file"});
}

TEST_F(RoutedStoreTest, AProjectWithoutStorageHasNothing) {
  ASSERT_TRUE(main_->Put("x", "main").ok());
  routed_->Route("acme", nullptr);
  const auto read = routed_->Get(".project/acme/x");
  EXPECT_EQ(read.status().code(), StatusCode::kFailedPrecondition)
      << "not NotFound: it may be there";
  EXPECT_EQ(routed_->Put(".project/acme/x", "y").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(*main_->Get("x"), "main");
}

}  // namespace
}  // namespace varve::io
