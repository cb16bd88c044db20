// Tests of the engine over a store that has no local files: everything through varve://.
#include "engine/store_file_system.h"

#include "engine/database.h"
#include "engine/duck_guard.h"
#include "engine/testing/engine_fixture.h"
#include "io/posix/posix_file_system.h"
#include "io/testing/remote_store.h"

namespace varve::engine {
namespace {

class StoreFileSystemTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Run("CREATE TABLE public.t (timestamp timestamptz NOT NULL, id bigint, site text)");
  }

  std::unique_ptr<io::ObjectStore> OpenStore() override {
    local_ = EngineFixture::OpenStore();
    auto remote = std::make_unique<io::testing::RemoteStore>(std::string(io::kLakeStore), *local_);
    remote_ = remote.get();
    stores_ = std::make_unique<io::StoreSet>();
    EXPECT_TRUE(stores_->Add(std::string(io::kLakeStore), *remote_).ok());
    options_.stores = stores_.get();
    cache::BlockCache::Options options;
    options.memory_bytes = cache_memory_bytes_;
    options.dir = (folder_ / "cache").string();
    cache_ = std::make_unique<cache::BlockCache>(options, files_, Clock::System());
    options_.cache = cache_.get();
    return remote;
  }

  void InsertAndFlush(int first, int rows) {
    Run(
        fmt::format("INSERT INTO public.t SELECT timestamptz '2026-11-01' + i * interval '1 "
                    "second', i, 'site ' || (i % 7) FROM generate_series({}, {}) AS s(i)",
                    first, first + rows - 1));
    Flush("public", "t");
  }

  std::string AnyFile() {
    const auto files = tables_->Find(catalog_->Find({"public", "t"})->id)->files();
    return store_->ReadPath(catalog_->Find({"public", "t"})->location + "/" +
                            files->files.front()->path);
  }

  std::unique_ptr<io::ObjectStore> local_;
  std::unique_ptr<io::StoreSet> stores_;
  io::testing::RemoteStore* remote_ = nullptr;
  io::PosixFileSystem files_;
  uint64_t cache_memory_bytes_ = uint64_t{1} << 30;
  std::unique_ptr<cache::BlockCache> cache_;
};

TEST_F(StoreFileSystemTest, QueriesReadFilesOfTheStore) {
  InsertAndFlush(0, 10'000);
  InsertAndFlush(10'000, 500);
  EXPECT_EQ(Run("SELECT count(*), sum(id), min(site) FROM public.t"),
            (Rows{{"10500", "55119750", "site 0"}}));
  EXPECT_FALSE(remote_->TakeReads().empty());
  EXPECT_EQ(Run("SELECT site FROM public.t WHERE id = 10499"), (Rows{{"site 6"}}));
}

// DuckDB's own access checks let the path pass, and the guard is not asked either: only the file
// system itself stands between an internal statement that carries a user's text and the store.
TEST_F(StoreFileSystemTest, APathThatNoScanOfOursMadeDoesNotOpen) {
  InsertAndFlush(0, 10);
  const std::string path = AnyFile();
  ASSERT_TRUE(path.starts_with("varve://lake/")) << path;
  auto connection = engine_->database().current()->Connect();
  for (const char* reader :
       {"read_parquet", "parquet_metadata", "read_text", "read_blob", "glob"}) {
    const auto read =
        RunInternal(connection, fmt::format("SELECT * FROM {}({})", reader, SqlLiteral(path)));
    EXPECT_EQ(SqlStateOf(read.status()), "42501") << reader << " " << read.status();
  }
  auto& files = duckdb::FileSystem::GetFileSystem(*connection.context->db);
  const duckdb::FileOpenFlags read(duckdb::FileFlags::FILE_FLAGS_READ);
  const Status opened = GuardDuck([&] { files.OpenFile(path, read); });
  EXPECT_EQ(SqlStateOf(opened), "42501") << opened;
  duckdb::OpenFileInfo sized = ScanFile(path, 10);
  EXPECT_TRUE(GuardDuck([&] { files.OpenFile(sized, read); }).ok());
  sized.extended_info->options.erase("varve_scan");
  const Status unmarked = GuardDuck([&] { files.OpenFile(sized, read); });
  EXPECT_EQ(SqlStateOf(unmarked), "42501") << unmarked;
  const auto written = RunInternal(
      connection, fmt::format("COPY (SELECT 1) TO {} (FORMAT parquet)", SqlLiteral(path + "x")));
  EXPECT_EQ(SqlStateOf(written.status()), "42501") << written.status();
}

TEST_F(StoreFileSystemTest, UsersAreRefusedBeforeAnythingIsOpened) {
  InsertAndFlush(0, 10);
  const std::string path = SqlLiteral(AnyFile());
  for (const std::string& sql : std::initializer_list<std::string>{
           "SELECT * FROM read_parquet(" + path + ")", "SELECT * FROM parquet_scan(" + path + ")",
           "SELECT * FROM read_blob(" + path + ")", "COPY public.t FROM " + path,
           "COPY public.t TO " + path, "ATTACH " + path, "SELECT * FROM glob('varve://lake/*')"}) {
    EXPECT_EQ(StateOf(sql), "42501") << sql;
  }
  EXPECT_EQ(StateOf("SELECT * FROM \"" + AnyFile() + "\""), "42P01");
}

TEST_F(StoreFileSystemTest, TheStoresErrorReachesTheClient) {
  InsertAndFlush(0, 10);
  remote_->SetOff(true);
  const Status off = Try("SELECT sum(id) FROM public.t");
  EXPECT_EQ(off.code(), StatusCode::kUnavailable) << off;
  EXPECT_NE(MessageOf(off).find("the store is off"), std::string_view::npos) << off;
  remote_->SetOff(false);
  EXPECT_EQ(Run("SELECT sum(id) FROM public.t"), (Rows{{"45"}}));
}

TEST_F(StoreFileSystemTest, AFileThatLostItsEndIsDamageAndNamesTheFile) {
  InsertAndFlush(0, 10'000);
  const auto table = catalog_->Find({"public", "t"});
  const std::string name =
      table->location + "/" + tables_->Find(table->id)->files()->files.front()->path;
  auto content = local_->Get(name);
  ASSERT_TRUE(content.ok());
  ASSERT_TRUE(local_->Put(name, content->substr(0, content->size() / 2)).ok());
  const Status cut = Try("SELECT sum(id) FROM public.t");
  EXPECT_EQ(cut.code(), StatusCode::kDataLoss) << cut;
  EXPECT_NE(MessageOf(cut).find(name), std::string_view::npos) << cut;
}

TEST_F(StoreFileSystemTest, AFileThatIsGoneIsDamageToo) {
  InsertAndFlush(0, 10);
  const auto table = catalog_->Find({"public", "t"});
  const std::string name =
      table->location + "/" + tables_->Find(table->id)->files()->files.front()->path;
  ASSERT_TRUE(local_->Delete(name).ok());
  const Status gone = Try("SELECT sum(id) FROM public.t");
  EXPECT_EQ(SqlStateOf(gone), sqlstate::kDataCorrupted) << gone;
  EXPECT_NE(MessageOf(gone).find(name), std::string_view::npos) << gone;
}

TEST_F(StoreFileSystemTest, ANewGenerationReadsTheStoreToo) {
  InsertAndFlush(0, 10);
  SpoilOnCall(engine_->database());
  EXPECT_FALSE(Try("SELECT varve_spoil()").ok());
  EXPECT_EQ(Run("SELECT sum(id) FROM public.t"), (Rows{{"45"}}));
}

// How many of the reads had to come one after the other, each with the answer of one before it.
size_t Depth(const std::vector<io::testing::ReadRequest>& reads) {
  size_t depth = 0;
  size_t seen = 0;
  for (const auto& read : reads) {
    if (read.after >= seen + 1) {
      ++depth;
      seen = read.after;
    }
  }
  return reads.empty() ? 0 : depth + 1;
}

TEST_F(StoreFileSystemTest, ASmallFileIsOneRequest) {
  InsertAndFlush(0, 5'000);
  remote_->TakeReads();
  Run("SELECT min(id), max(site) FROM public.t WHERE timestamp >= '2026-11-01'");
  EXPECT_EQ(remote_->TakeReads().size(), 1u);
  Run("SELECT count(*), max(timestamp) FROM public.t");
  EXPECT_EQ(remote_->TakeReads().size(), 0u);
}

// Footer, columns with a filter, the other columns: each in its turn, but all of a turn together.
TEST_F(StoreFileSystemTest, ALargeFileNeedsThreeDependentRequests) {
  Run("CREATE TABLE public.wide (timestamp timestamptz NOT NULL, a text, b text, c text, d text)");
  Run("INSERT INTO public.wide SELECT timestamptz '2026-11-01' + i * interval '1 ms', "
      "md5(i::text), md5((i + 1)::text) || md5((i * 3)::text), md5((i + 7)::text), 'x' || i "
      "FROM generate_series(1, 120000) AS s(i)");
  Flush("public", "wide");
  const auto files = tables_->Find(catalog_->Find({"public", "wide"})->id)->files();
  ASSERT_EQ(files->files.size(), 1u);
  ASSERT_GT(files->files[0]->bytes, 8 << 20);
  remote_->TakeReads();
  remote_->SetDelay(std::chrono::milliseconds(20));
  EXPECT_EQ(Run("SELECT count(a), min(b), max(c) FROM public.wide WHERE d = 'x77'").size(), 1u);
  const auto reads = remote_->TakeReads();
  EXPECT_LE(Depth(reads), 3u);
  EXPECT_LE(reads.size(), 8u);
  remote_->SetOff(true);
  EXPECT_EQ(Run("SELECT count(a), min(b), max(c) FROM public.wide WHERE d = 'x78'").size(), 1u);
}

// DuckDB opens one file after the other; their first requests must not wait for each other.
TEST_F(StoreFileSystemTest, FilesAreFetchedAhead) {
  for (int i = 0; i < 5; ++i) InsertAndFlush(i * 100, 100);
  remote_->TakeReads();
  remote_->SetDelay(std::chrono::milliseconds(50));
  Run("SELECT sum(id) FROM public.t");
  const auto reads = remote_->TakeReads();
  EXPECT_EQ(reads.size(), 5u);
  EXPECT_EQ(Depth(reads), 1u);
}

}  // namespace
}  // namespace varve::engine
