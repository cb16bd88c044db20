// Tests of what the engine implements for lake: Parquet files and checkpoints.
#include <algorithm>

#include "engine/database.h"
#include "engine/testing/engine_fixture.h"

namespace varve::engine {
namespace {

class LakeFilesTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Run("CREATE TABLE t (timestamp timestamptz, id text, service text, j json, u uuid) WITH (bloom "
        "= "
        "'id', sort_by = 'service')");
    table_ = catalog_->Find({"public", "t"});
  }

  // A batch of `rows` rows from `first` on, times rising.
  BatchRef Make(uint32_t first, uint32_t rows) {
    auto batch = std::make_shared<Batch>();
    batch->rows = rows;
    ColumnBuilder time{Type(TypeKind::kTimestampTz)};
    ColumnBuilder id{Type(TypeKind::kText)};
    ColumnBuilder json{Type(TypeKind::kJson)};
    for (uint32_t i = first; i < first + rows; i++) {
      time.AppendFixed<int64_t>(int64_t{i} * 1'000'000);
      id.AppendBytes(fmt::format("id-{:030}", i));
      json.AppendBytes(R"({"a": 1})");
    }
    batch->ids = {table_->columns[0].id, table_->columns[1].id, table_->columns[3].id};
    batch->columns.push_back(time.Finish());
    batch->columns.push_back(id.Finish());
    batch->columns.push_back(json.Finish());
    return batch;
  }

  std::string Query(const std::string& sql) {
    auto connection = engine_->database().current()->Connect();
    auto result = RunInternal(connection, sql);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() && (*result)->RowCount() > 0 ? (*result)->GetValue(0, 0).ToString() : "";
  }

  lake::ParquetSpec Spec() {
    lake::ParquetSpec spec;
    spec.table = table_;
    spec.columns = {0, 1, 2, 3, 4};
    spec.order = table_->sort_order;
    return spec;
  }

  TableRef table_;
};

TEST_F(LakeFilesTest, FilesAreSortedAndHoldTheChosenRows) {
  const std::string path = (folder_ / "x.parquet").string();
  lake::BatchSlice some{Make(50'000, 5'000), {}};
  for (uint32_t i = 0; i < 5'000; i += 2) some.rows.push_back(i);
  const auto written = engine_->parquet_writer().Write(Spec(), {{Make(0, 50'000), {}}, some}, path);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->rows, 52'500);
  EXPECT_EQ(written->bytes, static_cast<int64_t>(std::filesystem::file_size(path)));
  const std::string from = " FROM read_parquet('" + path + "')";
  EXPECT_EQ(Query("SELECT count(*)" + from), "52500");
  EXPECT_EQ(
      Query("SELECT bool_and(later) FROM (SELECT timestamp <= lag(timestamp) OVER () AS later" +
            from + ") WHERE later IS NOT NULL"),
      "true");
  EXPECT_EQ(Query("SELECT max(id)" + from), fmt::format("id-{:030}", 54'998));
  EXPECT_EQ(Query("SELECT typeof(j) || ' ' || typeof(u) || ' ' || typeof(timestamp)" + from),
            "VARCHAR VARCHAR TIMESTAMP WITH TIME ZONE");
  // The bloom filter of a column with a different value in each row.
  EXPECT_EQ(Query("SELECT bool_and(bloom_filter_offset IS NOT NULL) FROM parquet_metadata('" +
                  path + "') WHERE path_in_schema = 'id'"),
            "true");
  EXPECT_EQ(Query("SELECT any_value(compression) FROM parquet_metadata('" + path + "')"), "ZSTD");
}

TEST_F(LakeFilesTest, RowGroupsFollowTheBytesAskedFor) {
  const std::string path = (folder_ / "x.parquet").string();
  auto spec = Spec();
  spec.row_group_bytes = 1 << 20;
  const auto written = engine_->parquet_writer().Write(spec, {{Make(0, 60'000), {}}}, path);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_GE(
      std::stoi(Query("SELECT count(DISTINCT row_group_id) FROM parquet_metadata('" + path + "')")),
      3);
}

TEST_F(LakeFilesTest, AFileThatCannotBeWrittenIsAnError) {
  const auto written = engine_->parquet_writer().Write(
      Spec(), {{Make(0, 10), {}}}, (folder_ / "missing" / "x.parquet").string());
  EXPECT_FALSE(written.ok());
}

TEST_F(LakeFilesTest, CheckpointsKeepEveryAction) {
  const std::string path = (folder_ / "c.checkpoint.parquet").string();
  const std::string actions =
      R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"m","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\"}","partitionColumns":["date"],"configuration":{"k":"v"},"createdTime":12}}
{"txn":{"appId":"node/7","version":42}}
{"add":{"path":"date=2026-01-01/a%20b.parquet","partitionValues":{"date":"2026-01-01","p":null},"size":9,"modificationTime":5,"dataChange":false,"stats":"{\"numRecords\":3}"}}
{"remove":{"path":"old","deletionTimestamp":77,"dataChange":false}}
)";
  auto& codec = engine_->checkpoint_codec();
  ASSERT_TRUE(codec.WriteCheckpoint(actions, path).ok());
  const auto read = codec.ReadCheckpoint(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(std::count(read->begin(), read->end(), '\n'), 5);
  EXPECT_NE(read->find(R"("txn":{"appId":"node/7","version":42,)"), std::string::npos) << *read;
  EXPECT_NE(read->find(R"("partitionValues":{"date":"2026-01-01","p":null})"), std::string::npos)
      << *read;
  EXPECT_NE(read->find(R"("stats":"{\"numRecords\":3}")"), std::string::npos) << *read;
  EXPECT_NE(read->find(R"("configuration":{"k":"v"})"), std::string::npos) << *read;
  EXPECT_NE(read->find(R"("partitionColumns":["date"])"), std::string::npos) << *read;
  EXPECT_EQ(Query("SELECT count(add) || ' ' || count(txn) || ' ' || count(protocol) FROM "
                  "read_parquet('" +
                  path + "')"),
            "1 1 1");
}

TEST_F(LakeFilesTest, ATableWithACheckpointIsReadFromIt) {
  for (int i = 0; i < 12; i++) {
    Run("INSERT INTO t (timestamp, id) VALUES ('2026-11-01', 'x')");
    Flush("public", "t");
  }
  const auto names = store_->List(table_->location + "/_delta_log/");
  ASSERT_TRUE(names.ok());
  EXPECT_TRUE(std::any_of(names->begin(), names->end(), [](const auto& object) {
    return object.name.ends_with(".checkpoint.parquet");
  }));
  Stop();
  Start();
  EXPECT_EQ(Run("SELECT count(*), count(DISTINCT id) FROM t"), (Rows{{"12", "1"}}));
}

}  // namespace
}  // namespace varve::engine
