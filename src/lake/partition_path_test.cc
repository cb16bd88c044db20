#include "lake/partition_path.h"

#include <absl/strings/ascii.h>
#include <gtest/gtest.h>

#include "lake/delta_table_test.h"

namespace varve::lake {
namespace {

TEST(PartitionPathTest, FoldersInTheTablesOrder) {
  const TableDef table = MakeEvents();
  EXPECT_EQ(PartitionPath(table, {{"date", "2025-03-09"}, {"project_id", "shop"}}),
            "project_id=shop/date=2025-03-09");
  TableDef flat = table;
  flat.partition_columns.clear();
  EXPECT_EQ(PartitionPath(flat, {}), "");
}

TEST(PartitionPathTest, NullAndEmptyHaveOneFolder) {
  TableDef table = MakeEvents();
  table.partition_columns = {0};
  const std::string folder = "project_id=__HIVE_DEFAULT_PARTITION__";
  EXPECT_EQ(PartitionPath(table, {{"project_id", std::nullopt}}), folder);
  EXPECT_EQ(PartitionPath(table, {{"project_id", ""}}), folder);
  EXPECT_EQ(PartitionPath(table, {}), folder);
}

TEST(PartitionPathTest, ValuesCannotLeaveTheirFolder) {
  TableDef table = MakeEvents();
  table.partition_columns = {0};
  const auto folder = [&](std::string value) {
    return PartitionPath(table, {{"project_id", std::move(value)}}).substr(11);
  };
  EXPECT_EQ(folder("../../etc"), "..%2F..%2Fetc");
  EXPECT_EQ(folder("a=b:c%d"), "a%3Db%3Ac%25d");
  EXPECT_EQ(folder("*?[x]{y}"), "%2A%3F%5Bx%5D%7By%7D");  // No glob is left in the name.
  EXPECT_EQ(folder("tab\tnew\nline\x7f"), "tab%09new%0Aline%7F");
  EXPECT_EQ(folder("a b,\xc3\xa9"), "a%20b%2C%C3%A9");
}

// Others encode paths by other rules, but none touches these characters.
TEST(PartitionPathTest, PathsInTheLogHaveOneSpelling) {
  TableDef table = MakeEvents();
  table.partition_columns = {0};
  std::string every;
  for (int c = 1; c < 256; ++c) every += static_cast<char>(c);
  for (size_t begin = 0; begin < every.size(); begin += 64) {
    const std::string path = PartitionPath(table, {{"project_id", every.substr(begin, 64)}});
    const std::string encoded = EncodePath(path);
    for (const char c : encoded) {
      EXPECT_TRUE(absl::ascii_isalnum(c) || std::string_view("-_.@=%").find(c) != std::string::npos)
          << encoded;
    }
    EXPECT_EQ(*DecodePath(encoded), path);
  }
}

TEST(PartitionPathTest, LongValuesFitIntoAFileSystem) {
  const TableDef table = MakeEvents();
  for (const std::string& unit :
       {std::string("x"), std::string("%"), std::string("\xf0\x9f\x98\x80"), std::string("a/"),
        std::string("\xc3\xa9")}) {
    for (size_t shift = 0; shift < 4; ++shift) {
      std::string value(shift, 'y');
      while (value.size() < 1000) value += unit;
      const std::string path =
          PartitionPath(table, {{"date", "2025-03-09"}, {"project_id", value}});
      const std::string folder = path.substr(0, path.find('/'));
      EXPECT_LE(folder.size(), 255u);
      EXPECT_GT(folder.size(), 200u);
      const auto decoded = DecodePath(folder);  // no escape is cut in two
      ASSERT_TRUE(decoded.ok()) << folder;
      const std::string kept = decoded->substr(std::string("project_id=").size());
      EXPECT_EQ(value.substr(0, kept.size()), kept);
      EXPECT_EQ((kept.size() - shift) % unit.size() * (unit == "a/" ? 0 : 1),
                0u);  // nor a character
      EXPECT_TRUE(path.ends_with("/date=2025-03-09"));
    }
  }
}

TEST(PartitionPathTest, ThePathLeavesRoomForTheRestOfAnObjectsName) {
  TableDef table = MakeEvents();
  for (int i = 0; i < 6; ++i) {
    ColumnDef column = table.columns[table.partition_columns[0]];
    column.name = fmt::format("more{}", i);
    table.partition_columns.push_back(static_cast<uint32_t>(table.columns.size()));
    table.columns.push_back(column);
  }
  std::map<std::string, std::optional<std::string>, std::less<>> values;
  for (const uint32_t column : table.partition_columns) {
    values[table.columns[column].name] = std::string(300, '/');
  }
  EXPECT_LE(PartitionPath(table, values).size(), 500u);
  EXPECT_GT(PartitionPath(table, values).size(), 300u);
  table.location = std::string(500, 'f');
  EXPECT_LE(PartitionPath(table, values).size(), 260u);
  table.location = std::string(900, 'f');
  EXPECT_EQ(PartitionPath(table, values), "");
}

TEST(PartitionPathTest, LogPathsAreDecodedAsTheyWereEncoded) {
  EXPECT_EQ(EncodePath("a b/c%3Dd\xc3\xa9=x.parquet"), "a%20b/c%253Dd%C3%A9=x.parquet");
  std::string every;
  for (int c = 1; c < 256; ++c) every += static_cast<char>(c);
  EXPECT_EQ(*DecodePath(EncodePath(every)), every);
  EXPECT_EQ(*DecodePath("%c3%A9%20"), "\xc3\xa9 ");
  for (const char* broken : {"%", "a%2", "%zz", "x%2"}) {
    EXPECT_EQ(DecodePath(broken).status().code(), StatusCode::kDataLoss) << broken;
  }
}

TEST(PartitionPathTest, ValuesOfRows) {
  ColumnBuilder text{Type(TypeKind::kText)};
  text.AppendBytes("x");
  text.AppendNull();
  const Column texts = text.Finish();
  EXPECT_EQ(*PartitionValue(&texts, 0), "x");
  EXPECT_EQ(*PartitionValue(&texts, 1), std::nullopt);
  EXPECT_EQ(*PartitionValue(nullptr, 0), std::nullopt);
  ColumnBuilder date{Type(TypeKind::kDate)};
  date.AppendFixed<int32_t>(0);
  date.AppendFixed<int32_t>(INT32_MAX);
  const Column dates = date.Finish();
  EXPECT_EQ(*PartitionValue(&dates, 0), "1970-01-01");
  EXPECT_EQ(SqlStateOf(PartitionValue(&dates, 1).status()), sqlstate::kDatetimeOverflow);
  ColumnBuilder number{Type(TypeKind::kInt64)};
  number.AppendFixed(INT64_MIN);
  const Column numbers = number.Finish();
  EXPECT_EQ(*PartitionValue(&numbers, 0), "-9223372036854775808");
}

}  // namespace
}  // namespace varve::lake
