// A table that other servers share: what DROP leaves behind, and what their DROP does here.
#include "engine/lake_sync.h"

#include <atomic>
#include <functional>
#include <utility>

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
    if (name == raced) std::exchange(race, nullptr)();
    return RemoteStore::PutIfAbsent(name, content);
  }
  std::atomic<bool> is_refusing = false;
  // What another server does just before this one puts that object, once.
  std::string raced;
  std::function<void()> race;
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
  // A table like public.t that another server has made.
  std::unique_ptr<lake::DeltaTable> MakeElsewhere(const QualifiedName& name,
                                                  const std::string& location) {
    auto table = std::make_shared<TableDef>(*catalog_->Find({"public", "t"}));
    table->id = TableId(300);
    table->name = name;
    table->location = location;
    return *lake::DeltaTable::Create(LakeContext(), std::move(table));
  }
  // The file of public.t once more, as one of the table at `location`.
  DataFile CopyOfFile(const std::string& location) {
    DataFile file = *tables_->Find(catalog_->Find({"public", "t"})->id)->files()->files.at(0);
    const std::string content = *local_->Get("t/" + file.path);
    file.path = "copy-" + file.path;
    EXPECT_TRUE(local_->Put(location + "/" + file.path, content).ok());
    return file;
  }
  // Another server makes a table of that name between this one's CREATE and its version 0.
  void RaceWith(const std::string& name, const std::string& type) {
    remote_->raced = name + "/_delta_log/00000000000000000000.json";
    remote_->race = [this, name, type] {
      remote_->raced.clear();
      TheirTable(name, type);
    };
  }
  void TheirTable(const std::string& name, const std::string& type) {
    TableDef table = *catalog_->Find({"public", "t"});
    table.name = {"public", name};
    table.location = name;
    if (type == "text") table.columns[*table.FindColumn("n")].type = Type(TypeKind::kText);
    ASSERT_TRUE(
        lake::DeltaTable::Create(LakeContext(), std::make_shared<const TableDef>(table)).ok());
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
  EXPECT_EQ(Objects(), (std::vector<std::string>{"t/_delta_log/00000000000000000000.json",
                                                 "t/_delta_log/00000000000000000001.json",
                                                 "t/_delta_log/00000000000000000002.json"}));
  EXPECT_EQ(SqlStateOf(elsewhere->Append({}, "other/1", 1).status()), sqlstate::kUndefinedTable)
      << "its rows would go to a folder that nobody reads";
  EXPECT_EQ(lake::DeltaTable::Discover(LakeContext(), "t").status().code(), StatusCode::kNotFound);
  // Neither a round nor a restart brings it back, and the name is free here.
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(StateOf("SELECT * FROM public.t"), "42P01");
  Stop();
  Start();
  EXPECT_EQ(StateOf("SELECT * FROM public.t"), "42P01");
  EXPECT_EQ(Objects().size(), 3u);
  Run("CREATE TABLE public.t (timestamp timestamptz, other text)");
  EXPECT_EQ(Run("SELECT count(*) FROM public.t"), (Rows{{"0"}}));
  EXPECT_NE(catalog_->Find({"public", "t"})->location, "t");
}

TEST_F(LakeSyncTest, NobodyCommitsBehindADropThatIsVersionsAhead) {
  const auto elsewhere = OpenElsewhere();
  for (int i = 0; i < 3; i++) {
    Run("INSERT INTO public.t VALUES (now(), 7)");
    Flush("public", "t");
  }
  Run("DROP TABLE public.t");
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  EXPECT_EQ(SqlStateOf(elsewhere->Append({}, "other/1", 1).status()), sqlstate::kUndefinedTable);
}

TEST_F(LakeSyncTest, ADropThatIsResumedLeavesTheNextTableOfThatFolder) {
  const TableRef table = catalog_->Find({"public", "t"});
  Run("DROP TABLE public.t");
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  // The server that has dropped it is through, and another has taken the name.
  for (const auto& name : Objects()) ASSERT_TRUE(local_->Delete(name).ok());
  ASSERT_TRUE(lake::DeltaTable::Create(LakeContext(), table).ok());
  Stop();
  Start();
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  EXPECT_EQ(Objects(), std::vector<std::string>{"t/_delta_log/00000000000000000000.json"});
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT count(*) FROM public.t"), (Rows{{"0"}}));
}

TEST_F(LakeSyncTest, ACreateThatComesSecondWithOtherColumnsIsAnError) {
  RaceWith("c", "text");
  EXPECT_EQ(StateOf("CREATE TABLE public.c (timestamp timestamptz NOT NULL, n bigint)"), "42P07");
  EXPECT_EQ(StateOf("SELECT * FROM public.c"), "42P01");
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  EXPECT_EQ(Objects("c/").size(), 1u);
  ASSERT_TRUE(engine_->RefreshLake().ok());
  Run("INSERT INTO public.c VALUES (now(), 'theirs')");
  EXPECT_EQ(Run("SELECT n FROM public.c"), (Rows{{"theirs"}}));
}

TEST_F(LakeSyncTest, ACreateThatComesSecondWithTheSameColumnsSharesTheTable) {
  RaceWith("c", "bigint");
  Run("CREATE TABLE public.c (timestamp timestamptz NOT NULL, n bigint)");
  Run("INSERT INTO public.c VALUES (now(), 1)");
  EXPECT_EQ(Run("SELECT n FROM public.c"), (Rows{{"1"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM varve.lake_errors"), (Rows{{"0"}}));
}

TEST_F(LakeSyncTest, ADropDeletesNothingThatThisServerHasNeitherMadeNorOpened) {
  RaceWith("c", "text");
  Run("BEGIN");
  Run("CREATE TABLE public.c (timestamp timestamptz NOT NULL, n bigint)");
  Run("INSERT INTO public.c VALUES (now(), 5)");
  Run("COMMIT");
  EXPECT_EQ(StateOf("INSERT INTO public.c VALUES (now(), 6)"), sqlstate::kFeatureNotSupported);
  EXPECT_EQ(Run("SELECT count(*) FROM varve.lake_errors"), (Rows{{"1"}}));
  Run("DROP TABLE public.c");
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  EXPECT_EQ(Objects("c/"), std::vector<std::string>{"c/_delta_log/00000000000000000000.json"});
  Stop();
  Start();
  ASSERT_TRUE(engine_->DeleteDroppedFolders().ok());
  EXPECT_EQ(Objects("c/"), std::vector<std::string>{"c/_delta_log/00000000000000000000.json"});
  Run("INSERT INTO public.c VALUES (now(), 'theirs')");
  EXPECT_EQ(Run("SELECT n FROM public.c"), (Rows{{"theirs"}}));
}

TEST_F(LakeSyncTest, RowsOfATableThatCameSecondAreKeptAndFoundUnderAnotherName) {
  RaceWith("c", "text");
  Run("BEGIN");
  Run("CREATE TABLE public.c (timestamp timestamptz NOT NULL, n bigint)");
  Run("INSERT INTO public.c VALUES (now(), 5)");
  Run("COMMIT");
  EXPECT_EQ(StateOf("SELECT * FROM public.c"), sqlstate::kFeatureNotSupported);
  EXPECT_EQ(StateOf("ALTER TABLE public.c RENAME TO t"), "42P07");
  Run("ALTER TABLE public.c RENAME TO mine");
  EXPECT_EQ(Run("SELECT n FROM public.mine"), (Rows{{"5"}}));
  Run("INSERT INTO public.mine VALUES (now(), 6)");
  Flush("public", "mine");
  EXPECT_EQ(Objects("mine/_delta_log/").size(), 2u);
  EXPECT_EQ(Run("SELECT count(*) FROM varve.lake_errors"), (Rows{{"0"}}));
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT count(*) FROM public.c"), (Rows{{"0"}}));
  EXPECT_EQ(Run("SELECT n FROM public.mine ORDER BY n"), (Rows{{"5"}, {"6"}}));
  EXPECT_EQ(StateOf("ALTER TABLE public.mine RENAME TO other"), sqlstate::kFeatureNotSupported);
  Stop();
  Start();
  EXPECT_EQ(Run("SELECT n FROM public.mine ORDER BY n"), (Rows{{"5"}, {"6"}}));
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

TEST_F(LakeSyncTest, RowsAndColumnsOfAnotherServerAreSeenAfterARound) {
  const auto elsewhere = OpenElsewhere();
  ASSERT_TRUE(elsewhere->Append({CopyOfFile("t")}, "other/1", 1).ok());
  auto wider = std::make_shared<TableDef>(*catalog_->Find({"public", "t"}));
  ColumnDef extra = wider->columns.back();
  extra.id = ColumnId(77);
  extra.name = "extra";
  wider->columns.push_back(extra);
  ASSERT_TRUE(elsewhere->UpdateSchema(wider).ok());
  EXPECT_EQ(Run("SELECT n FROM public.t"), (Rows{{"1"}}));
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT n, extra FROM public.t"), (Rows{{"1", "NULL"}, {"1", "NULL"}}));
}

// The id of a table is also what the log calls it, and how far it is flushed hangs on it.
TEST_F(LakeSyncTest, ATableThatThisNodeOnceHadKeepsItsIdAndItsPlaceInTheLog) {
  const auto before = MakeElsewhere({"public", "before"}, "before");
  ASSERT_TRUE(before->Append({CopyOfFile("before")}, "test/500", 9).ok());
  const auto never = MakeElsewhere({"public", "never"}, "never");
  ASSERT_TRUE(never->Append({CopyOfFile("never")}, "other/600", 9).ok());
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT n FROM public.before"), (Rows{{"1"}}));
  EXPECT_EQ(catalog_->Find({"public", "before"})->id, TableId(500));
  EXPECT_EQ(buffer_->Snapshot()->at(TableId(500))->flushed, Lsn(9));
  const TableId other = catalog_->Find({"public", "never"})->id;
  EXPECT_GT(other, TableId(500)) << "ids below may be those of other tables in the log";
  EXPECT_NE(other, TableId(600)) << "that node's own";
  EXPECT_EQ(buffer_->Snapshot()->at(other)->flushed, Lsn(0));
}

TEST_F(LakeSyncTest, FoldersThatCannotBeServedAreListedWithTheReason) {
  MakeElsewhere({"pg_catalog", "mine"}, "reserved");
  MakeElsewhere({"public", "t"}, "twice");
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT location, sqlstate FROM varve.lake_errors ORDER BY location"),
            (Rows{{"reserved", "42501"}, {"twice", "42P07"}}));
  EXPECT_EQ(catalog_->Find({"public", "t"})->location, "t");
}

TEST_F(LakeSyncTest, ATableThatCannotBeReadDoesNotStopTheStart) {
  ASSERT_TRUE(local_->Put("t/_delta_log/00000000000000000002.json", "{\"add\":").ok());
  Stop();
  Start();
  EXPECT_FALSE(Try("SELECT n FROM public.t").ok());
  EXPECT_EQ(Run("SELECT location FROM varve.lake_errors"), (Rows{{"t"}}));
  Run("CREATE TABLE public.other (timestamp timestamptz)");
  ASSERT_TRUE(local_->Delete("t/_delta_log/00000000000000000002.json").ok());
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Run("SELECT n FROM public.t"), (Rows{{"1"}}));
  EXPECT_EQ(Run("SELECT location FROM varve.lake_errors"), Rows{});
}

}  // namespace
}  // namespace varve::engine
