#include "lake/file_stats.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/uuid.h"
#include "lake/delta_table_test.h"
#include "lake/row_describer.h"

namespace varve::lake {
namespace {

using ::testing::HasSubstr;

// A table of one column `c` of the given type beside the time column, and its statistics.
class FileStatsTest : public ::testing::Test {
 protected:
  template <typename T>
  ColumnStats StatsOf(Type type, const std::vector<std::optional<T>>& values) {
    ColumnBuilder builder(type);
    ColumnBuilder time{Type(TypeKind::kTimestampTz)};
    for (const auto& value : values) {
      time.AppendFixed<int64_t>(0);
      if (!value) {
        builder.AppendNull();
      } else if constexpr (std::is_same_v<T, std::string>) {
        builder.AppendBytes(*value);
      } else {
        builder.AppendFixed(*value);
      }
    }
    TableDef def;
    def.columns = {MakeColumn(1, "t", Type(TypeKind::kTimestampTz), false),
                   MakeColumn(2, "c", std::move(type))};
    table_ = std::make_shared<const TableDef>(def);
    auto batch = std::make_shared<Batch>();
    batch->rows = static_cast<uint32_t>(values.size());
    batch->ids = {ColumnId(1), ColumnId(2)};
    batch->columns = {time.Finish(), builder.Finish()};
    file_ = DescribeRows(table_, {{batch, {}}});
    json_ = StatsJson(*table_, file_);
    return file_.stats.at("c");
  }
  // What is written is what is read.
  void CheckReadBack() {
    DataFile read;
    ReadStats(json_, *table_, read);
    EXPECT_EQ(read.rows, file_.rows) << json_;
    for (const auto& [name, stats] : file_.stats) {
      EXPECT_EQ(read.stats[name].min, stats.min) << json_;
      EXPECT_EQ(read.stats[name].max, stats.max) << json_;
      EXPECT_EQ(read.stats[name].null_count, stats.null_count) << json_;
    }
  }

  TableRef table_;
  DataFile file_;
  std::string json_;
};

TEST_F(FileStatsTest, Integers) {
  const ColumnStats stats = StatsOf<int64_t>(Type(TypeKind::kInt64),
                                             {INT64_MAX, std::nullopt, INT64_MIN, 7, std::nullopt});
  EXPECT_EQ(stats.min, "-9223372036854775808");
  EXPECT_EQ(stats.max, "9223372036854775807");
  EXPECT_EQ(stats.null_count, 2);
  EXPECT_EQ(file_.rows, 5);
  CheckReadBack();
  EXPECT_THAT(json_, HasSubstr(R"("minValues":{"t":"1970-01-01T00:00:00.000Z","c":-9223)"));
}

TEST_F(FileStatsTest, AllNull) {
  const ColumnStats stats = StatsOf<int32_t>(Type(TypeKind::kInt32), {std::nullopt, std::nullopt});
  EXPECT_EQ(stats.min, std::nullopt);
  EXPECT_EQ(stats.max, std::nullopt);
  EXPECT_EQ(stats.null_count, 2);
  CheckReadBack();
}

TEST_F(FileStatsTest, FloatsAreWrittenExactly) {
  const ColumnStats narrow = StatsOf<float>(Type(TypeKind::kFloat32), {0.1F, 3.0F});
  EXPECT_EQ(narrow.min, "0.10000000149011612");  // 0.1 would be below the value.
  CheckReadBack();
  const ColumnStats wide = StatsOf<double>(Type(TypeKind::kFloat64), {0.1, -1e300, 5e-324});
  EXPECT_EQ(wide.min, "-1e+300");
  EXPECT_EQ(wide.max, "0.1");
  CheckReadBack();
}

TEST_F(FileStatsTest, FloatsWithoutOrderHaveNoBounds) {
  for (const double odd : {std::nan(""), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    const ColumnStats stats =
        StatsOf<double>(Type(TypeKind::kFloat64), {1.0, odd, 2.0, std::nullopt});
    EXPECT_EQ(stats.min, std::nullopt);
    EXPECT_EQ(stats.max, std::nullopt);
    EXPECT_EQ(stats.null_count, 1);
  }
}

TEST_F(FileStatsTest, Decimals) {
  __int128 huge = 1;
  for (int i = 0; i < 37; ++i) huge *= 10;
  const ColumnStats stats =
      StatsOf<__int128>(Type::Decimal(38, 2), {huge * 9, __int128{-5}, __int128{0}});
  EXPECT_EQ(stats.min, "-0.05");
  EXPECT_EQ(stats.max, "900000000000000000000000000000000000.00");
  CheckReadBack();
  EXPECT_THAT(json_, HasSubstr(R"("c":900000000000000000000000000000000000.00)"));
}

TEST_F(FileStatsTest, InstantsAreEnclosed) {
  const ColumnStats stats = StatsOf<int64_t>(Type(TypeKind::kTimestampTz),
                                             {1'741'514'400'000'001, 1'741'514'400'999'999});
  EXPECT_EQ(stats.min, "2025-03-09T10:00:00.000Z");
  EXPECT_EQ(stats.max, "2025-03-09T10:00:01.000Z");
  const ColumnStats infinite =
      StatsOf<int64_t>(Type(TypeKind::kTimestampTz), {INT64_MAX, 1'741'514'400'999'999});
  EXPECT_EQ(infinite.min, std::nullopt);
  EXPECT_EQ(infinite.max, std::nullopt);
}

TEST_F(FileStatsTest, TextAndUuid) {
  const ColumnStats text =
      StatsOf<std::string>(Type(TypeKind::kText), {"b\"\\\n\xc3\xa9", "a", std::nullopt, ""});
  EXPECT_EQ(text.min, "");
  EXPECT_EQ(text.max, "b\"\\\n\xc3\xa9");
  CheckReadBack();
  const ColumnStats json = StatsOf<std::string>(Type(TypeKind::kJson), {"{}", std::nullopt});
  EXPECT_EQ(json.min, std::nullopt);
  EXPECT_EQ(json.null_count, 1);
  Uuid low;
  Uuid high;
  high.bytes.fill(0xFE);
  const ColumnStats uuid = StatsOf<Uuid>(Type(TypeKind::kUuid), {high, low});
  EXPECT_EQ(uuid.min, "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(uuid.max, "fefefefe-fefe-fefe-fefe-fefefefefefe");
}

TEST_F(FileStatsTest, LongTextIsCutAndStaysABound) {
  const std::string same(32, 'x');
  const ColumnStats stats =
      StatsOf<std::string>(Type(TypeKind::kText), {same + "a", same + "zzzz"});
  EXPECT_EQ(stats.min, same);
  EXPECT_EQ(stats.max, std::string(31, 'x') + "y");
}

TEST_F(FileStatsTest, UpperBoundsInUtf8) {
  const std::string x31(31, 'x');
  const auto bound = [&](const std::string& last) { return UpperBoundOfText(x31 + last + "tail"); };
  EXPECT_EQ(UpperBoundOfText("short"), "short");
  EXPECT_EQ(UpperBoundOfText(x31 + "e"), x31 + "e");
  EXPECT_EQ(bound("a"), x31 + "b");
  EXPECT_EQ(bound("\x7f"), x31 + "\xc2\x80");
  EXPECT_EQ(bound("\xc3\xa9"), x31 + "\xc3\xaa");                    // two bytes
  EXPECT_EQ(bound("\xdf\xbf"), x31 + "\xe0\xa0\x80");                // two to three
  EXPECT_EQ(bound("\xed\x9f\xbf"), x31 + "\xee\x80\x80");            // over the surrogates
  EXPECT_EQ(bound("\xef\xbf\xbf"), x31 + "\xf0\x90\x80\x80");        // three to four
  EXPECT_EQ(bound("\xf0\x9f\x98\x80"), x31 + "\xf0\x9f\x98\x81");    // four bytes
  EXPECT_EQ(bound("\xf4\x8f\xbf\xbf"), std::string(30, 'x') + "y");  // the highest: carried
  std::string highest;
  for (int i = 0; i < 33; ++i) highest += "\xf4\x8f\xbf\xbf";
  EXPECT_EQ(UpperBoundOfText(highest), std::nullopt);
  // 32 characters are kept, however many bytes they have.
  std::string smileys;
  for (int i = 0; i < 32; ++i) smileys += "\xf0\x9f\x98\x80";
  EXPECT_EQ(UpperBoundOfText(smileys), smileys);
}

TEST_F(FileStatsTest, EveryCutBoundIsAboveItsText) {
  for (int code = 1; code < 256; ++code) {
    const std::string last = code < 128 ? std::string(1, static_cast<char>(code)) : "\xc3\xbf";
    const std::string text = std::string(31, '\x7e') + last + std::string(10, '\x7f');
    EXPECT_GT(*UpperBoundOfText(text), text);
  }
}

TEST_F(FileStatsTest, SlicesAndAbsentColumnsAreCounted) {
  const TableRef table = std::make_shared<const TableDef>(MakeEvents());
  const auto batch_with = [](std::vector<int64_t> times, bool with_n) {
    auto batch = std::make_shared<Batch>();
    ColumnBuilder time{Type(TypeKind::kTimestampTz)};
    ColumnBuilder n{Type(TypeKind::kInt64)};
    for (const int64_t t : times) {
      time.AppendFixed(t);
      n.AppendFixed(t * 10);
    }
    batch->rows = static_cast<uint32_t>(times.size());
    batch->ids = {ColumnId(3)};
    batch->columns.push_back(time.Finish());
    if (with_n) {
      batch->ids.push_back(ColumnId(4));
      batch->columns.push_back(n.Finish());
    }
    return batch;
  };
  const DataFile file = DescribeRows(
      table, {{batch_with({1, 100, 3}, true), {0, 2}}, {batch_with({50, 60}, false), {}}});
  EXPECT_EQ(file.rows, 4);
  EXPECT_EQ(file.time_range.min, TimestampUs(1));
  EXPECT_EQ(file.time_range.max, TimestampUs(60));
  EXPECT_EQ(file.stats.at("n").min, "10");
  EXPECT_EQ(file.stats.at("n").max, "30");  // 1000 is of a row that was not chosen.
  EXPECT_EQ(file.stats.at("n").null_count, 2);
  EXPECT_FALSE(file.stats.contains("project_id")) << "files do not hold partition columns";
}

TEST(ReadStatsTest, WhatOthersWrite) {
  const TableDef table = MakeEvents();
  DataFile file;
  ReadStats(R"({"numRecords":3,"tightBounds":true,"minValues":{"n":1.50,"timestamp":
      "2025-03-09T10:00:00.123Z","unknown":"x","nested":{"a":1}},"maxValues":
      {"n":123456789012345678901234567890 ,
      "timestamp":"2025-03-09T10:00:00.123Z"},"nullCount":{"n":2,"nested":{"a":0}},"more":[1]})",
            table, file);
  EXPECT_EQ(file.rows, 3);
  EXPECT_EQ(file.stats["n"].min, "1.50");
  EXPECT_EQ(file.stats["n"].max, "123456789012345678901234567890");
  EXPECT_EQ(file.stats["n"].null_count, 2);
  EXPECT_FALSE(file.stats.contains("unknown"));
  EXPECT_EQ(file.time_range.min, TimestampUs(1'741'514'400'123'000));
  EXPECT_EQ(file.time_range.max, TimestampUs(1'741'514'400'123'999));
}

TEST(ReadStatsTest, BrokenStatisticsAreNone) {
  const TableDef table = MakeEvents();
  for (const char* json : {"", "{", "[]", "null", "{\"numRecords\":\"x\"}", "{\"numRecords\":-1}",
                           "{\"numRecords\":1,\"minValues\":[1]}",
                           "{\"numRecords\":1,\"minValues\":{\"n\":1,", "\"text\""}) {
    DataFile file;
    ReadStats(json, table, file);
    EXPECT_EQ(file.rows, std::nullopt) << json;
    EXPECT_TRUE(file.stats.empty()) << json;
    EXPECT_TRUE(file.time_range.empty()) << json;
  }
}

}  // namespace
}  // namespace varve::lake
