// A table that other servers share: what DROP leaves behind, and what their DROP does here.
#include "engine/lake_sync.h"

#include <atomic>

#include "engine/testing/engine_fixture.h"
#include "io/posix/posix_file_system.h"
#include "io/testing/remote_store.h"

namespace varve::engine {
namespace {

// A store that takes no new version while it is told so.
class RefusingStore : public io::testing::RemoteStore {
 public:
  using RemoteStore::RemoteStore;
  Status PutIfAbsent(std::string_view name, std::string_view content) override {
    if (is_refusing) return Unavailable("{} is refused", name);
    return RemoteStore::PutIfAbsent(name, content);
  }
  std::atomic<bool> is_refusing = false;
};

class LakeSyncTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Run("CREATE TABLE public.t (timestamp timestamptz NOT NULL, n bigint)");
    Run("INSERT INTO public.t VALUES (timestamptz '2025-03-09 10:00:00+00', 1)");
    Flush("public", "t");
  }

  std::unique_ptr<io::ObjectStore> OpenStore() override {
    local_ = EngineFixture::OpenStore();
    auto remote = std::make_unique<RefusingStore>(std::string(io::kLakeStore), *local_);
    remote_ = remote.get();
    stores_ = std::make_unique<io::StoreSet>();
    EXPECT_TRUE(stores_->Add(std::string(io::kLakeStore), *remote).ok());
    options_.stores = stores_.get();
    cache::BlockCache::Options options;
    options.memory_bytes = 1 << 20;
    options.dir = (folder_ / "cache").string();
    cache_ = std::make_unique<cache::BlockCache>(options, files_, Clock::System());
    options_.cache = cache_.get();
    return remote;
  }

  // The table as another server has it open.
  std::unique_ptr<lake::DeltaTable> OpenElsewhere() {
    return *lake::DeltaTable::Open(LakeContext(), catalog_->Find({"public", "t"}));
  }
  std::vector<std::string> Objects(const std::string& folder = "t/") {
    const auto objects = local_->List(folder);
    std::vector<std::string> names;
    for (const auto& object : *objects) names.push_back(object.name);
    return names;
  }

  std::unique_ptr<io::ObjectStore> local_;
  RefusingStore* remote_ = nullptr;
  std::unique_ptr<io::StoreSet> stores_;
  io::PosixFileSystem files_;
  std::unique_ptr<cache::BlockCache> cache_;
};

TEST_F(LakeSyncTest, DropLeavesTheCommitThatSaysSo) {
  const auto elsewhere = OpenElsewhere();
  Run("DROP TABLE public.t");
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  EXPECT_EQ(Objects(), std::vector<std::string>{"t/_delta_log/00000000000000000002.json"});
  EXPECT_EQ(SqlStateOf(elsewhere->Append({}, "other/1", 1).status()), sqlstate::kUndefinedTable)
      << "its rows would go to a folder that nobody reads";
  EXPECT_EQ(lake::DeltaTable::Discover(LakeContext(), "t").status().code(), StatusCode::kNotFound);
  // Neither a round nor a restart brings it back, and the name is free here.
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(StateOf("SELECT * FROM public.t"), "42P01");
  Stop();
  Start();
  EXPECT_EQ(StateOf("SELECT * FROM public.t"), "42P01");
  EXPECT_EQ(Objects().size(), 1u);
  Run("CREATE TABLE public.t (timestamp timestamptz, other text)");
  EXPECT_EQ(Run("SELECT count(*) FROM public.t"), (Rows{{"0"}}));
  EXPECT_NE(catalog_->Find({"public", "t"})->location, "t");
}

TEST_F(LakeSyncTest, ATableIsInTheLakeOnlyWhenItsDefinitionIsCommitted) {
  Run("CREATE SCHEMA s");
  const auto other = NewSession();
  Run(*other, "BEGIN");
  Run(*other, "CREATE TABLE s.n (timestamp timestamptz NOT NULL, n bigint)");
  Run("DROP SCHEMA s");
  EXPECT_NE(SqlStateOf(Try(*other, "COMMIT")), "00000");
  EXPECT_TRUE(Objects("s.n/").empty()) << "the next start would serve it";
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(StateOf("SELECT * FROM s.n"), "42P01");
}

TEST_F(LakeSyncTest, AStoreThatFailsAfterTheCommitGetsTheTableLater) {
  remote_->is_refusing = true;
  Run("CREATE TABLE public.n (timestamp timestamptz NOT NULL, n bigint)");
  Run("INSERT INTO public.n VALUES (timestamptz '2025-03-09 10:00:00+00', 1)");
  EXPECT_EQ(StateOf("ALTER TABLE public.n ADD COLUMN m bigint"), sqlstate::kIoError);
  ASSERT_FALSE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT n FROM public.n"), (Rows{{"1"}}));
  EXPECT_TRUE(Objects("n/").empty());
  remote_->is_refusing = false;
  ASSERT_TRUE(engine_->RefreshLake().ok());
  Flush("public", "n");
  EXPECT_EQ(Objects("n/_delta_log/").size(), 2u);
  Run("ALTER TABLE public.n ADD COLUMN m bigint");
  EXPECT_EQ(Run("SELECT n, m FROM public.n"), (Rows{{"1", "NULL"}}));
}

TEST_F(LakeSyncTest, ADropOfAnotherServerIsFollowed) {
  ASSERT_TRUE(OpenElsewhere()->MarkDropped().ok());
  EXPECT_EQ(Run("SELECT n FROM public.t"), (Rows{{"1"}})) << "not seen yet";
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(StateOf("SELECT n FROM public.t"), "42P01");
  EXPECT_EQ(StateOf("INSERT INTO public.t VALUES (now(), 2)"), "42P01");
  Stop();
  Start();
  EXPECT_EQ(StateOf("SELECT n FROM public.t"), "42P01");
}

TEST_F(LakeSyncTest, ADropIsFollowedByAStart) {
  ASSERT_TRUE(OpenElsewhere()->MarkDropped().ok());
  for (const auto& name : Objects()) {
    if (name.ends_with("2.json")) continue;
    ASSERT_TRUE(local_->Delete(name).ok());
  }
  Stop();
  Start();
  EXPECT_EQ(StateOf("SELECT n FROM public.t"), "42P01");
  EXPECT_EQ(Run("SELECT count(*) FROM varve.lake_errors"), (Rows{{"0"}}));
}

}  // namespace
}  // namespace varve::engine
