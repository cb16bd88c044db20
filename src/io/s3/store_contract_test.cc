// The same cases for a local folder and for a bucket of a real S3 server: names, ranges, order and
// races mean the same to those who use an ObjectStore.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/check.h"
#include "io/posix/local_store.h"
#include "io/s3/s3_fixture_for_test.h"
#include "io/s3/s3_upload.h"
#include "io/s3/start_check.h"
#include "io/testing/real_server.h"

namespace varve::io {
namespace {

using ::testing::ElementsAre;
using testing::FreePort;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::PartPath;
using testing::RealServer;
using testing::ScratchFolder;

// versitygw, once for all tests of the program.
class Gateway {
 public:
  static constexpr const char* kKey = "varve-test-key";
  static constexpr const char* kSecret = "varve-test-secret";

  static const Gateway& Get() {
    static Gateway gateway;
    return gateway;
  }
  const std::string& url() const { return url_; }
  // A bucket is a folder there.
  void MakeBucket(const std::string& name) const {
    PosixFileSystem files;
    VARVE_CHECK(files.MakeDirs(folder_.path() + "/objects/" + name).ok());
  }

 private:
  Gateway() {
    const auto program = PartPath("bin/versitygw");
    EXPECT_TRUE(program.ok()) << program.status();
    if (!program.ok()) return;
    const uint16_t port = FreePort();
    const std::string address = fmt::format("127.0.0.1:{}", port);
    MakeBucket("bucket");
    auto server = RealServer::Start(
        {*program, "--quiet", "--port", address, "posix", folder_.path() + "/objects"},
        {{"ROOT_ACCESS_KEY", kKey}, {"ROOT_SECRET_KEY", kSecret}}, port, folder_.path() + "/log");
    EXPECT_TRUE(server.ok()) << server.status();
    if (!server.ok()) return;
    server_ = *std::move(server);
    url_ = "http://" + address;
  }

  ScratchFolder folder_;
  std::unique_ptr<RealServer> server_;
  std::string url_;
};

class StoreContractTest : public S3Fixture, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    store_ = NewStore();
    ASSERT_NE(store_, nullptr);
  }

  std::unique_ptr<ObjectStore> NewStore() {
    if (GetParam() == "folder") {
      auto local = LocalStore::Open(folder_.path() + "/lake");
      EXPECT_TRUE(local.ok()) << local.status();
      return *std::move(local);
    }
    static std::atomic<int> next{0};
    if (prefix_.empty()) prefix_ = fmt::format("test {}/lake", ++next);
    return Open(SettingsFor(Gateway::Get().url()), {.prefix = prefix_},
                {Gateway::kKey, Gateway::kSecret, ""});
  }

  std::string WriteFile(std::string_view content) {
    std::string path = fmt::format("{}/file-{}", folder_.path(), ++files_written_);
    EXPECT_TRUE(files_.WriteSynced(path, content).ok());
    return path;
  }

  std::vector<std::string> Names(std::string_view prefix, std::string_view start_after = {}) {
    const auto listed = store_->List(prefix, start_after);
    EXPECT_TRUE(listed.ok()) << listed.status();
    std::vector<std::string> names;
    for (const ObjectInfo& object : *listed) names.push_back(object.name);
    return names;
  }

  ScratchFolder folder_;
  std::string prefix_;
  int files_written_ = 0;
  std::unique_ptr<ObjectStore> store_;
};

TEST_P(StoreContractTest, PutGetHeadDelete) {
  EXPECT_EQ(store_->Get("a/b").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->Head("a/b").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(store_->Put("a/b", "one").ok());
  ASSERT_TRUE(store_->Put("a/b", std::string("t\0o", 3)).ok());
  EXPECT_EQ(*store_->Get("a/b"), std::string("t\0o", 3));
  const auto head = store_->Head("a/b");
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->name, "a/b");
  EXPECT_EQ(head->bytes, 3u);
  EXPECT_LT(std::abs(head->modified_us - Clock::System().NowUs()), 60'000'000);
  ASSERT_TRUE(store_->Delete("a/b").ok());
  EXPECT_TRUE(store_->Delete("a/b").ok()) << "gone either way";
  EXPECT_EQ(store_->Get("a/b").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(store_->Put("empty", "").ok());
  EXPECT_EQ(*store_->Get("empty"), "");
}

TEST_P(StoreContractTest, Ranges) {
  ASSERT_TRUE(store_->Put("a", "0123456789").ok());
  EXPECT_EQ(*store_->GetRange("a", 2, 5), "234");
  EXPECT_EQ(*store_->GetRange("a", 8, 100), "89");
  EXPECT_EQ(*store_->GetRange("a", 3, UINT64_MAX), "3456789");
  EXPECT_EQ(*store_->GetRange("a", 10, 20), "");
  EXPECT_EQ(*store_->GetRange("a", 4, 4), "");
  EXPECT_EQ(store_->GetRange("b", 0, 1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->GetRange("b", 4, 4).status().code(), StatusCode::kNotFound);
}

TEST_P(StoreContractTest, NamesWithEveryCharacter) {
  for (const std::string name :
       {"date=2024-01-01/x y.parquet", "a+b%2F&c", "é/ü \"<>'", "q?x=1#f", "~!@$^*()_-=[]{};:,."}) {
    ASSERT_TRUE(store_->PutIfAbsent(name, name).ok()) << name;
    EXPECT_EQ(*store_->Get(name), name);
    EXPECT_THAT(Names(name), ElementsAre(name));
  }
  for (const std::string name : {"", "/a", "a//b", "a/../b", "./a", "a/"}) {
    EXPECT_EQ(store_->Put(name, "x").code(), StatusCode::kInvalidArgument) << name;
  }
}

TEST_P(StoreContractTest, PutIfAbsentHasOneWinner) {
  constexpr int kWriters = 8;
  for (int round = 0; round < 10; ++round) {
    const std::string name = fmt::format("race-{}", round);
    std::atomic<int> winner{-1};
    std::atomic<int> winners{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        const Status put = store_->PutIfAbsent(name, std::to_string(i));
        if (put.ok()) {
          winner = i;
          ++winners;
        } else {
          EXPECT_EQ(put.code(), StatusCode::kAlreadyExists) << put;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(*store_->Get(name), std::to_string(winner));
  }
}

TEST_P(StoreContractTest, ListsInOrder) {
  for (const std::string name : {"t/b", "t/a", "t-1/a", "u/é", "t/a0", "t/B"}) {
    ASSERT_TRUE(store_->Put(name, name).ok());
  }
  EXPECT_THAT(Names(""), ElementsAre("t-1/a", "t/B", "t/a", "t/a0", "t/b", "u/é"));
  EXPECT_THAT(Names("t/"), ElementsAre("t/B", "t/a", "t/a0", "t/b"));
  EXPECT_THAT(Names("t/a"), ElementsAre("t/a", "t/a0"));
  EXPECT_THAT(Names("t/", "t/a"), ElementsAre("t/a0", "t/b"));
  EXPECT_THAT(Names("t/", "t/aa"), ElementsAre("t/b"));
  EXPECT_THAT(Names("absent/"), IsEmpty());
  EXPECT_THAT(*store_->ListFolders(""), ElementsAre("t", "t-1", "u"));
  EXPECT_THAT(*store_->ListFolders("t/"), IsEmpty());
}

TEST_P(StoreContractTest, ListsMoreThanAPage) {
  std::vector<FileToPut> puts;
  const std::string file = WriteFile("x");
  std::vector<std::string> names;
  for (int i = 0; i < 1100; ++i) names.push_back(fmt::format("many/{:05}", i));
  for (const std::string& name : names) {
    // One file may be moved away by its put.
    puts.push_back({name, GetParam() == "folder" ? WriteFile("x") : file});
  }
  ASSERT_TRUE(store_->PutFiles(puts).ok());
  EXPECT_EQ(Names("many/"), names);
  EXPECT_EQ(Names("many/", "many/00997").size(), 102u);
  ASSERT_TRUE(store_->DeleteMany(names).ok());
  EXPECT_THAT(Names("many/"), IsEmpty());
  EXPECT_TRUE(store_->DeleteMany(names).ok());
}

TEST_P(StoreContractTest, PutFilesOfEverySize) {
  std::vector<FileToPut> puts;
  std::vector<std::string> contents;
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{kMultipartBytes},
                             size_t{kMultipartBytes + 1}, size_t{kMultipartBytes * 2 + 12345}}) {
    std::string content(bytes, '\0');
    for (size_t i = 0; i < bytes; ++i) content[i] = static_cast<char>(i * 131 >> 5);
    puts.push_back({fmt::format("files/{}", bytes), WriteFile(content)});
    contents.push_back(std::move(content));
  }
  ASSERT_TRUE(store_->PutFiles(puts).ok());
  for (size_t i = 0; i < puts.size(); ++i) {
    EXPECT_TRUE(*store_->Get(puts[i].name) == contents[i]) << puts[i].name;
  }
  EXPECT_EQ(store_->PutFile("files/x", folder_.path() + "/absent").code(), StatusCode::kNotFound);
}

TEST_P(StoreContractTest, TwoStoresOnOnePlaceSeeTheSame) {
  const auto other = NewStore();
  ASSERT_TRUE(store_->PutIfAbsent("x", "1").ok());
  EXPECT_EQ(other->PutIfAbsent("x", "2").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*other->Get("x"), "1");
}

TEST_P(StoreContractTest, ItsConditionalPutPassesTheProbe) {
  EXPECT_TRUE(ProbeConditionalPut(*store_, Random::System()).ok());
  EXPECT_THAT(Names(""), IsEmpty()) << "the probe cleans up";
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContractTest, ::testing::Values("folder", "bucket"),
                         [](const auto& test) { return test.param; });

class RealStartTest : public S3Fixture {
 protected:
  std::string Check(S3Settings settings,
                    aws::Credentials keys = {Gateway::kKey, Gateway::kSecret}) {
    const auto store = Open(std::move(settings), {}, std::move(keys));
    return std::string(MessageOf(CheckBucket(*store)));
  }
};

TEST_F(RealStartTest, NamesWhatIsWrong) {
  S3Settings settings = SettingsFor(Gateway::Get().url());
  EXPECT_EQ(Check(settings), "");
  EXPECT_THAT(Check(settings, {"nobody", Gateway::kSecret}), HasSubstr("s3-access-key: "));
  EXPECT_THAT(Check(settings, {Gateway::kKey, "wrong"}), HasSubstr("s3-secret-key: "));
  settings.bucket = "no-such-bucket";
  EXPECT_THAT(Check(settings), HasSubstr("s3-bucket: there is no bucket \"no-such-bucket\""));
  settings.endpoint = fmt::format("http://127.0.0.1:{}", FreePort());
  settings.retry.deadline = std::chrono::milliseconds(20);
  EXPECT_THAT(Check(settings), HasSubstr("s3-endpoint: " + settings.endpoint));
}

}  // namespace
}  // namespace varve::io
