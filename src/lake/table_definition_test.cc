#include "lake/table_definition.h"

#include <gmock/gmock.h>

#include "lake/delta_schema.h"
#include "lake/delta_table_test.h"

namespace varve::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableDef MakeRich() {
  TableDef table = MakeEvents();
  table.name = {"raw", "with \"quotes\""};
  table.columns.push_back(MakeColumn(9, "doc", Type(TypeKind::kJson)));
  table.columns.push_back(MakeColumn(12, "price", Type::Decimal(10, 2)));
  table.columns[3].bloom = true;
  table.columns[3].default_sql = "CAST('7' AS BIGINT)";
  table.sort_order = {{2, true}, {3, false}};
  table.derived_date = 1;
  table.retention_us = 86'400'000'000;
  return table;
}

Metadata MetadataOf(const TableDef& table) {
  return NewMetadata(table, "id", *SchemaJson(table), 0);
}

Metadata Foreign(const std::string& fields, const std::vector<std::string>& partitions = {}) {
  Metadata metadata;
  metadata.schema_json = R"({"type":"struct","fields":[)" + fields + "]}";
  metadata.partition_columns = partitions;
  return metadata;
}

std::string Field(const std::string& name, const std::string& type) {
  return R"({"name":")" + name + R"(","type":)" + type + R"(,"nullable":true,"metadata":{}})";
}

TEST(TableDefinition, EverythingComesBackFromTheLake) {
  const TableDef table = MakeRich();
  const auto read = ReadDefinition(MetadataOf(table), "some/folder");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, table.name);
  EXPECT_EQ(read->location, "some/folder");
  ASSERT_EQ(read->columns.size(), table.columns.size());
  for (size_t i = 0; i < table.columns.size(); ++i) {
    SCOPED_TRACE(table.columns[i].name);
    EXPECT_EQ(read->columns[i].name, table.columns[i].name);
    EXPECT_EQ(read->columns[i].id, table.columns[i].id);
    EXPECT_TRUE(read->columns[i].type == table.columns[i].type);
    EXPECT_EQ(read->columns[i].nullable, table.columns[i].nullable);
    EXPECT_EQ(read->columns[i].bloom, table.columns[i].bloom);
    EXPECT_EQ(read->columns[i].default_sql, table.columns[i].default_sql);
  }
  EXPECT_EQ(read->time_column, 2u);
  EXPECT_THAT(read->partition_columns, ElementsAre(0u, 1u));
  ASSERT_EQ(read->sort_order.size(), 2u);
  EXPECT_EQ(read->sort_order[1].column, 3u);
  EXPECT_FALSE(read->sort_order[1].descending);
  EXPECT_EQ(read->derived_date, 1u);
  EXPECT_EQ(read->retention_us, table.retention_us);
  EXPECT_EQ(DefinitionValue(*read), DefinitionValue(table));
}

TEST(TableDefinition, ATableOfOthersIsNamedLikeItsFolder) {
  const auto metadata = Foreign(
      Field("at", "\"timestamp\"") + "," + Field("n", "\"long\"") + "," + Field("day", "\"date\""),
      {"day"});
  const auto read = ReadDefinition(metadata, "raw.readings");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, (QualifiedName{"raw", "readings"}));
  EXPECT_EQ(read->time_column, 0u);
  EXPECT_FALSE(read->columns[0].nullable) << "rows through Varve have a time";
  EXPECT_THAT(read->partition_columns, ElementsAre(2u));
  EXPECT_EQ(read->derived_date, std::nullopt) << "nobody said that day follows the time";
  EXPECT_EQ(read->columns[2].id, ColumnId(3));
  EXPECT_EQ(ReadDefinition(metadata, "flights")->name, (QualifiedName{"public", "flights"}));
  EXPECT_EQ(ReadDefinition(metadata, ".flights")->name, (QualifiedName{"public", ".flights"}));
  EXPECT_EQ(ReadDefinition(metadata, "flights.")->name, (QualifiedName{"public", "flights."}));
  ASSERT_EQ(read->sort_order.size(), 1u);
  EXPECT_EQ(read->sort_order[0].column, 0u);
  EXPECT_TRUE(read->sort_order[0].descending);
}

// An engine that copies a column copies its id too.
TEST(TableDefinition, EachColumnHasAnIdOfItsOwn) {
  const std::string same = R"(,"nullable":true,"metadata":{"varve.columnId":7}})";
  const auto metadata =
      Foreign(R"({"name":"at","type":"timestamp")" + same + R"(,{"name":"copy","type":"long")" +
              same + "," + Field("new", "\"long\""));
  const auto read = ReadDefinition(metadata, "t");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->columns[0].id, ColumnId(7));
  EXPECT_EQ(read->columns[1].id, ColumnId(8));
  EXPECT_EQ(read->columns[2].id, ColumnId(9));
}

TEST(TableDefinition, TimestampIsTheTimeColumnAmongSeveral) {
  const auto both =
      Foreign(Field("seen", "\"timestamp\"") + "," + Field("timestamp", "\"timestamp\""));
  EXPECT_EQ(ReadDefinition(both, "t")->time_column, 1u);
  const auto neither = Foreign(Field("a", "\"timestamp\"") + "," + Field("b", "\"timestamp\""));
  const Status refused = ReadDefinition(neither, "t").status();
  EXPECT_EQ(SqlStateOf(refused), sqlstate::kInvalidTableDefinition);
  EXPECT_THAT(refused.message(), HasSubstr("2 are of type timestamp with time zone"));
}

TEST(TableDefinition, WhatCannotBeServedIsNamed) {
  const std::string time = Field("timestamp", "\"timestamp\"") + ",";
  const auto nested = Foreign(time + Field("who", R"({"type":"struct","fields":[]})"));
  const Status refused = ReadDefinition(nested, "t").status();
  EXPECT_EQ(SqlStateOf(refused), sqlstate::kFeatureNotSupported);
  EXPECT_THAT(refused.message(), HasSubstr("\"who\""));
  std::string many = Field("timestamp", "\"timestamp\"");
  for (size_t i = 0; i < kColumnsMax; ++i) many += "," + Field(fmt::format("c{}", i), "\"long\"");
  EXPECT_EQ(SqlStateOf(ReadDefinition(Foreign(many), "t").status()),
            sqlstate::kFeatureNotSupported);
  const auto by_flag = Foreign(time + Field("flag", "\"boolean\""), {"flag"});
  EXPECT_THAT(ReadDefinition(by_flag, "t").status().message(), HasSubstr("\"flag\""));
}

TEST(TableDefinition, ADamagedValueIsDataLoss) {
  const Metadata good = MetadataOf(MakeRich());
  for (
      const char* value :
      {"", "[]", R"({"v":1})",
       R"({"v":1,"schema":"s","table":"t","time_column":"gone","sort_by":[],"bloom":[],"defaults":{}})",
       R"({"v":1,"schema":"s","table":"t","time_column":"n","sort_by":[],"bloom":[],"defaults":{}})",
       R"({"v":1,"schema":"s","table":"t","time_column":"timestamp","sort_by":[1],"bloom":[],"defaults":{}})",
       R"({"v":1,"schema":"s","table":"t","time_column":"timestamp","sort_by":[],"bloom":[],"defaults":{},"derived_date":"n"})",
       R"({"v":1,"schema":"s","table":"t","time_column":"timestamp","sort_by":[],"bloom":[],"defaults":{},"retention_us":0})"}) {
    const Metadata bad = WithSetting(good, kDefinitionKey, value);
    EXPECT_EQ(ReadDefinition(bad, "t").status().code(), StatusCode::kDataLoss) << value;
  }
  const Metadata newer = WithSetting(good, kDefinitionKey, R"({"v":2})");
  EXPECT_EQ(SqlStateOf(ReadDefinition(newer, "t").status()), sqlstate::kFeatureNotSupported);
}

TEST(TableDefinition, ReconcileTakesColumnsAndOptionsOfTheLake) {
  TableDef mine = MakeEvents();
  mine.columns.push_back(MakeColumn(5, "only_mine", Type(TypeKind::kText)));
  TableDef lake = MakeEvents();
  lake.columns.push_back(MakeColumn(5, "theirs", Type(TypeKind::kInt32)));
  lake.sort_order = {{2, true}, {4, true}};
  lake.retention_us = 5;
  const auto merged = Reconcile(mine, lake, true);
  ASSERT_TRUE(merged.ok()) << merged.status();
  ASSERT_EQ(merged->columns.size(), 6u);
  EXPECT_EQ(merged->columns[4].name, "only_mine");
  EXPECT_EQ(merged->columns[5].name, "theirs");
  EXPECT_EQ(merged->columns[5].id, ColumnId(6)) << "5 is taken here";
  EXPECT_EQ(merged->sort_order[1].column, 5u);
  EXPECT_EQ(merged->retention_us, 5);
  EXPECT_EQ(Reconcile(mine, lake, false)->retention_us, std::nullopt);

  lake.columns[3].type = Type(TypeKind::kText);
  const Status refused = Reconcile(mine, lake, true).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("\"n\""));
}

TEST(TableDefinition, OptionsAreThoseOfTheLakeIfItHasThem) {
  TableDef mine = MakeEvents();
  mine.derived_date = 1;
  mine.columns[3].bloom = true;
  mine.columns[3].default_sql = "1";
  TableDef lake = MakeEvents();
  lake.columns[3].default_sql = "2";
  const auto theirs = Reconcile(mine, lake, true);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_EQ(theirs->derived_date, std::nullopt);
  EXPECT_FALSE(theirs->columns[3].bloom);
  EXPECT_EQ(theirs->columns[3].default_sql, "2");
  const auto ours = Reconcile(mine, lake, false);
  EXPECT_EQ(ours->derived_date, 1u);
  EXPECT_TRUE(ours->columns[3].bloom);
  EXPECT_EQ(ours->columns[3].default_sql, "1");
}

TEST(TableDefinition, AnotherTimeColumnOrOtherPartitionsAreAnotherTable) {
  TableDef lake = MakeEvents();
  lake.partition_columns = {0};
  EXPECT_EQ(Reconcile(MakeEvents(), lake, true).status().code(), StatusCode::kFailedPrecondition);
  lake = MakeEvents();
  lake.columns.push_back(MakeColumn(5, "at", Type(TypeKind::kTimestampTz)));
  lake.time_column = 4;
  EXPECT_EQ(Reconcile(MakeEvents(), lake, true).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Reconcile(MakeEvents(), lake, false).ok()) << "theirs is a guess only";
}

class DefinitionInTheLake : public DeltaTableFixture {};

TEST_F(DefinitionInTheLake, AnotherServerFindsTheTableByItsFolder) {
  ASSERT_TRUE((*Create())->Append({File("a", 1'741'514'400'123'456)}, "n/7", 3).ok());
  const auto found = DeltaTable::Discover(Context(), "events");
  ASSERT_TRUE(found.ok()) << found.status();
  const auto definition = (*found)->definition();
  ASSERT_TRUE(definition.ok()) << definition.status();
  EXPECT_TRUE(definition->has_options);
  EXPECT_EQ(definition->table.name.table, "events");
  ASSERT_EQ((*found)->files()->files.size(), 1u);
  EXPECT_FALSE((*found)->files()->files[0]->time_range.empty()) << "statistics are read too";
  EXPECT_EQ((*found)->txn_version("n/7"), 3);
}

TEST_F(DefinitionInTheLake, EntriesOfOthersSurviveAnAlter) {
  const auto table = *Create();
  std::string commit = ReadLog("00000000000000000000.json");
  const std::string from = R"("configuration":{)";
  commit.replace(commit.find(from), from.size(), from + R"("delta.appendOnly":"false",)");
  WriteLog("00000000000000000001.json", commit.substr(commit.find("{\"metaData\"")));
  TableDef longer = MakeEvents();
  longer.retention_us = 1000;
  ASSERT_TRUE(table->UpdateSchema(std::make_shared<const TableDef>(longer)).ok());
  const std::string written = ReadLog("00000000000000000002.json");
  EXPECT_THAT(written, HasSubstr(R"("delta.appendOnly":"false")"));
  EXPECT_THAT(written, HasSubstr(R"(\"retention_us\":1000)"));
}

TEST_F(DefinitionInTheLake, TwoServersDoNotOverwriteEachOthersOptions) {
  const auto one = *Create();
  const auto two = *Open();
  TableDef longer = MakeEvents();
  longer.retention_us = 1000;
  ASSERT_TRUE(one->UpdateSchema(std::make_shared<const TableDef>(longer)).ok());
  TableDef blooming = MakeEvents();
  blooming.columns[3].bloom = true;
  const auto blooming_ref = std::make_shared<const TableDef>(blooming);
  EXPECT_EQ(SqlStateOf(two->UpdateSchema(blooming_ref)), "40001");
  // Once it has picked the change up, its own goes through.
  two->Adopt(std::make_shared<const TableDef>(longer));
  longer.columns[3].bloom = true;
  ASSERT_TRUE(two->UpdateSchema(std::make_shared<const TableDef>(longer)).ok());
  ASSERT_TRUE(one->Refresh().ok());
  EXPECT_TRUE(one->definition()->table.columns[3].bloom);
  EXPECT_EQ(one->definition()->table.retention_us, 1000);
}

TEST_F(DefinitionInTheLake, OpeningATableOfOthersWritesNothing) {
  WriteLog("00000000000000000000.json",
           "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
           "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\"},\"schemaString\":"
           "\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"timestamp\\\","
           "\\\"type\\\":\\\"timestamp\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}]}\","
           "\"partitionColumns\":[],\"configuration\":{}}}\n");
  const auto found = *DeltaTable::Discover(Context(), "events");
  EXPECT_FALSE(found->definition()->has_options);
  TableDef mine = found->definition()->table;
  mine.id = TableId(3);
  ASSERT_TRUE(DeltaTable::Open(Context(), std::make_shared<const TableDef>(mine)).ok());
  EXPECT_FALSE(store_->Head("events/_delta_log/00000000000000000001.json").ok());
}

TEST_F(DefinitionInTheLake, ADroppedTableTakesNoRowsAndIsNotFound) {
  const auto one = *Create();
  const auto two = *Open();
  ASSERT_TRUE(one->MarkDropped().ok());
  EXPECT_TRUE(one->dropped());
  ASSERT_TRUE(one->MarkDropped().ok());
  EXPECT_EQ(one->files()->version, 1) << "marked once";
  EXPECT_EQ(SqlStateOf(two->Append({File("a", 1)}, "m/7", 1).status()), sqlstate::kUndefinedTable);
  EXPECT_TRUE(two->dropped());
  EXPECT_EQ(Open().status().code(), StatusCode::kNotFound);
  EXPECT_EQ(DeltaTable::Discover(Context(), "events").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(SqlStateOf(Create().status()), sqlstate::kObjectInUse);
  // The rest of the log may be gone already.
  std::filesystem::remove(LogPath("00000000000000000000.json"));
  EXPECT_EQ(Open().status().code(), StatusCode::kNotFound);
  EXPECT_EQ(SqlStateOf(Create().status()), sqlstate::kObjectInUse);
}

}  // namespace
}  // namespace varve::lake
