#include "catalog/schema_file.h"

#include <gtest/gtest.h>

namespace varve::catalog {
namespace {

constexpr std::string_view kGood = R"(
table: t
time_column: timestamp
partition_by: [project_id, date]
sort_by: [timestamp desc, id]
columns:
  - {name: timestamp, type: timestamptz, nullable: false}
  - {name: date, type: date, nullable: false}
  - {name: project_id, type: text, nullable: false}
  - {name: id, type: text, bloom: true}
  - {name: tags, type: "text[]"}
)";

std::string Replace(std::string_view from, std::string_view to) {
  std::string text(kGood);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(SchemaFileTest, ReadsEveryPart) {
  const Result<TableDef> table = ParseSchemaFile(std::string(kGood));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->name.ToString(), "public.t");
  EXPECT_EQ(table->time_column, 0u);
  EXPECT_EQ(table->partition_columns, (std::vector<uint32_t>{2, 1}));
  EXPECT_EQ(table->derived_date, 1u);
  ASSERT_EQ(table->sort_order.size(), 2u);
  EXPECT_TRUE(table->sort_order[0].descending);
  EXPECT_FALSE(table->sort_order[1].descending);
  EXPECT_TRUE(table->columns[3].bloom);
  EXPECT_EQ(table->columns[4].type.ToString(), "text[]");
  EXPECT_EQ(table->columns[4].id, ColumnId(5));
}

TEST(SchemaFileTest, MistakesAreNamed) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"time_column: timestamp", "time_column: id"},
           {"time_column: timestamp", "time_column: nothing"},
           {"[project_id, date]", "[project_id, day]"},
           {"timestamp desc", "timestamp down"},
           {"type: date", "type: dote"},
           {"name: id", "name: date"},
           {"table: t", "tabel: t"},
           {"timestamptz, nullable: false", "timestamptz"}}) {
    EXPECT_FALSE(ParseSchemaFile(Replace(from, to)).ok()) << from << " -> " << to;
  }
}

TEST(SchemaFileTest, ShippedTablesHaveTheirColumns) {
  std::map<std::string, TableDef> tables;
  for (const std::string_view text : ShippedSchemaFiles()) {
    Result<TableDef> table = ParseSchemaFile(std::string(text));
    ASSERT_TRUE(table.ok()) << table.status();
    tables[table->name.table] = *table;
  }
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables["otel_logs_and_spans"].columns.size(), 91u);
  EXPECT_EQ(tables["otel_metrics"].columns.size(), 67u);
  for (const auto& [name, table] : tables) {
    EXPECT_TRUE(table.derived_date.has_value()) << name;
    EXPECT_EQ(table.partition_columns.size(), 2u) << name;
    EXPECT_TRUE(table.sort_order.at(0).descending) << name;
  }
}

}  // namespace
}  // namespace varve::catalog
