#include "engine/duck_file_rewriter.h"

#include <gmock/gmock.h>

#include "engine/database.h"
#include "engine/testing/engine_fixture.h"
#include "lake/data_file.h"

namespace varve::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000;

class FileRewriterTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Run("CREATE TABLE t (timestamp timestamptz, id text, service text, j json, u uuid, tags text[])"
        " WITH (bloom = 'id', sort_by = 'service')");
    table_ = catalog_->Find({"public", "t"});
    scratch_ = (folder_ / "scratch").string();
    std::filesystem::create_directories(scratch_);
  }

  std::string Path(const std::string& name) { return (folder_ / name).string(); }

  // A file of one row for each second from `from` on, `step` apart, as flush writes them.
  lake::RewriteInput Write(const std::string& name, int64_t from, int64_t count, int64_t step = 1) {
    auto batch = std::make_shared<Batch>();
    batch->rows = static_cast<uint32_t>(count);
    ColumnBuilder time{Type(TypeKind::kTimestampTz)};
    ColumnBuilder id{Type(TypeKind::kText)};
    ColumnBuilder json{Type(TypeKind::kJson)};
    for (int64_t i = 0; i < count; i++) {
      time.AppendFixed<int64_t>((from + i * step) * kSecond);
      id.AppendBytes(fmt::format("{}-{}", name, i));
      json.AppendBytes(R"({"a": 1})");
    }
    batch->ids = {table_->columns[0].id, table_->columns[1].id, table_->columns[3].id};
    batch->columns = {time.Finish(), id.Finish(), json.Finish()};
    lake::PartitionGroup group;
    group.rows = count;
    group.slices = {{batch, {}}};
    auto file = lake::WriteDataFile(engine_->parquet_writer(), lake::SpecFor(table_, {}), group,
                                    name, Path(name));
    EXPECT_TRUE(file.ok()) << file.status();
    return {std::make_shared<const DataFile>(*std::move(file)), Path(name)};
  }
  // A file that another engine wrote. Its times are not known.
  lake::RewriteInput WriteForeign(const std::string& name, const std::string& query,
                                  const std::string& options = "") {
    Query("COPY (" + query + ") TO '" + Path(name) + "' (FORMAT parquet" + options + ")");
    auto file = std::make_shared<DataFile>();
    file->path = name;
    return {file, Path(name)};
  }

  std::string Query(const std::string& sql) {
    auto connection = engine_->database().current()->Connect();
    auto result = RunInternal(connection, sql);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() && (*result)->RowCount() > 0 ? (*result)->GetValue(0, 0).ToString() : "";
  }
  std::string OfResult(const std::string& columns) {
    return Query("SELECT " + columns + " FROM read_parquet('" + Path("out") + "')");
  }
  bool ResultIsSorted() {
    return Query(
               "SELECT bool_and(ok) FROM (SELECT timestamp <= lag(timestamp, 1, "
               "'infinity'::timestamptz) OVER () AS ok FROM read_parquet('" +
               Path("out") + "'))") == "true";
  }

  lake::RewriteSpec Spec(std::vector<lake::RewriteInput> inputs) {
    lake::RewriteSpec spec;
    spec.format = lake::SpecFor(table_, {.row_group_bytes = 16 << 20, .zstd_level = 9});
    spec.inputs = std::move(inputs);
    spec.path = Path("out");
    spec.scratch_dir = scratch_;
    return spec;
  }
  lake::RewriteResult Rewrite(std::vector<lake::RewriteInput> inputs) {
    auto result = rewriter_.Rewrite(Spec(std::move(inputs)));
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(std::filesystem::is_empty(scratch_));
    return result.ok() ? *result : lake::RewriteResult();
  }

  DuckFileRewriter rewriter_;
  TableRef table_;
  std::string scratch_;
};

TEST_F(FileRewriterTest, OverlappingAndDisjointFilesBecomeOneSortedFile) {
  const auto result = Rewrite({Write("old", 0, 9'000), Write("even", 20'000, 5'000, 2),
                               Write("new", 50'000, 3'000), Write("odd", 20'001, 5'000, 2)});
  EXPECT_EQ(result.rows, 22'000);
  EXPECT_FALSE(result.sorted_again);
  EXPECT_EQ(result.bytes, static_cast<int64_t>(std::filesystem::file_size(Path("out"))));
  EXPECT_EQ(OfResult("count(*) || ' ' || count(DISTINCT id)"), "22000 22000");
  EXPECT_TRUE(ResultIsSorted());
  EXPECT_EQ(Query("DESCRIBE FROM read_parquet('" + Path("out") + "')"), "timestamp");
  EXPECT_EQ(OfResult("typeof(timestamp) || typeof(j) || typeof(u) || typeof(tags)"),
            "TIMESTAMP WITH TIME ZONEVARCHARVARCHARVARCHAR[]");
  EXPECT_EQ(Query("SELECT any_value(compression) || bool_and(bloom_filter_offset IS NOT NULL) FROM "
                  "parquet_metadata('" +
                  Path("out") + "') WHERE path_in_schema = 'id'"),
            "ZSTDtrue");
}

TEST_F(FileRewriterTest, RowsOfOneTimeFollowTheFurtherKeys) {
  const std::string row = "SELECT '2026-01-01'::timestamptz AS timestamp, ";
  Rewrite({WriteForeign("a", row + "s AS service FROM (VALUES ('a'), ('c'), (NULL)) x(s)"),
           WriteForeign("b", row + "s AS service FROM (VALUES ('b'), ('d')) x(s)")});
  EXPECT_EQ(OfResult("string_agg(coalesce(service, '-'), '')"), "abcd-");
}

// A file from before ADD COLUMN, and one of another writer whose types are its own.
TEST_F(FileRewriterTest, ColumnsThatAFileLacksAreNull) {
  const auto result = Rewrite(
      {Write("ours", 100, 10),
       WriteForeign("theirs",
                    "SELECT 'x' AS service, TIMESTAMP '1970-01-01 00:00:50' AS timestamp")});
  EXPECT_EQ(result.rows, 11);
  EXPECT_THAT(result.absent[1], ElementsAre("id", "j", "tags", "u"));
  EXPECT_TRUE(result.absent[0].empty());
  EXPECT_EQ(OfResult("count(id) || ' ' || count(tags) || ' ' || max(service)"), "10 0 x");
  EXPECT_EQ(OfResult("epoch(min(timestamp))::int"), "50");
}

TEST_F(FileRewriterTest, AFileThatIsNotSortedIsSorted) {
  const auto result =
      Rewrite({Write("ours", 100, 3'000),
               WriteForeign("theirs",
                            "SELECT make_timestamptz((i * 7919 % 5000) * 1000000) AS timestamp, "
                            "'f' || i AS id FROM range(5000) r(i)")});
  EXPECT_TRUE(result.sorted_again);
  EXPECT_EQ(OfResult("count(*) || ' ' || count(DISTINCT id)"), "8000 8000");
  EXPECT_TRUE(ResultIsSorted());
}

TEST_F(FileRewriterTest, MoreOverlappingFilesThanCanBeOpenAreSorted) {
  std::vector<lake::RewriteInput> inputs;
  for (int i = 0; i < 40; i++) inputs.push_back(Write(fmt::format("f{}", i), i, 200, 40));
  const auto result = Rewrite(inputs);
  EXPECT_TRUE(result.sorted_again);
  EXPECT_EQ(OfResult("count(*) || ' ' || count(DISTINCT id)"), "8000 8000");
  EXPECT_TRUE(ResultIsSorted());
}

// Small as files, and each alone more than the memory once it is read.
TEST_F(FileRewriterTest, FilesThatAreLargeWhenReadStayWithinTheMemory) {
  std::vector<lake::RewriteInput> inputs;
  for (int f = 0; f < 4; f++) {
    inputs.push_back(WriteForeign(
        fmt::format("f{}", f),
        fmt::format("SELECT make_timestamptz((600000 - i * 4 + {}) * 1000000) AS timestamp, "
                    "repeat(md5((i // 9)::text), 40) || '{}-' || i AS id FROM range(120000) r(i) "
                    "ORDER BY 1 DESC",
                    f, f),
        ", ROW_GROUP_SIZE 20480"));
  }
  auto spec = Spec(inputs);
  spec.memory_bytes_max = uint64_t{112} << 20;
  const auto result = rewriter_.Rewrite(spec);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->sorted_again);
  EXPECT_EQ(OfResult("count(*) || ' ' || count(DISTINCT id)"), "480000 480000");
  EXPECT_TRUE(ResultIsSorted());
}

// The values would be lost, and nobody would miss them before they are needed.
TEST_F(FileRewriterTest, AColumnThatTheTableDoesNotHaveIsRefused) {
  const auto result = rewriter_.Rewrite(
      Spec({Write("ours", 0, 1), WriteForeign("theirs", "SELECT now() AS timestamp, 1 AS newer")}));
  EXPECT_EQ(result.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(result.status().message(), HasSubstr("newer"));
}

TEST_F(FileRewriterTest, StopsSoonAfterItIsTold) {
  auto spec = Spec({Write("a", 0, 50'000), Write("b", 0, 50'000)});
  int asked = 0;
  spec.stopped = [&] { return ++asked > 3; };
  EXPECT_EQ(SqlStateOf(rewriter_.Rewrite(spec).status()), sqlstate::kQueryCanceled);
  EXPECT_LT(asked, 10);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_));
}

}  // namespace
}  // namespace varve::engine
