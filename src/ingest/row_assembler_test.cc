#include "ingest/row_assembler.h"

#include <gtest/gtest.h>

#include "ingest/table_for_test.h"

namespace varve::ingest {
namespace {

constexpr uint32_t kTs = 1;
constexpr uint32_t kId = 2;

void AddRow(RowAssembler& rows, int64_t ts, std::string_view id) {
  rows.cell(0).AppendBytes(id);
  rows.cell(1).AppendFixed(ts);
  ASSERT_TRUE(rows.EndRow().ok());
}

TEST(RowAssemblerTest, FillsDefaultsAndDerivesTheDate) {
  DecodeSettings settings;
  settings.now = TimestampUs(42);
  auto rows = RowAssembler::Create(TableForTest(), {kId, kTs}, settings);
  ASSERT_TRUE(rows.ok()) << rows.status();
  AddRow(**rows, 86'400'000'000, "a");
  AddRow(**rows, 0, "b");
  ASSERT_TRUE((*rows)->Flush().ok());
  const std::vector<BatchRef> batches = (*rows)->TakeBatches();
  ASSERT_EQ(batches.size(), 1u);
  const Batch& batch = *batches[0];
  ASSERT_TRUE(batch.Validate().ok()) << batch.Validate();
  const TableDef& table = *(*rows)->table();
  EXPECT_EQ(ColumnOf(table, batch, "day")->Fixed<int32_t>(0), 1);
  EXPECT_EQ(ColumnOf(table, batch, "id")->Bytes(1), "b");
  EXPECT_EQ(ColumnOf(table, batch, "level")->Bytes(1), "info");
  EXPECT_EQ(ColumnOf(table, batch, "seen")->Fixed<int64_t>(0), 42);
  EXPECT_EQ(ColumnOf(table, batch, "n"), nullptr);
  EXPECT_TRUE((*rows)->TakeBatches().empty());
}

TEST(RowAssemblerTest, SplitsAtTheRowLimit) {
  auto rows = RowAssembler::Create(TableForTest(), {kId, kTs}, {});
  ASSERT_TRUE(rows.ok());
  for (uint32_t i = 0; i < kBatchRowsMax + 10; ++i) AddRow(**rows, i, "x");
  ASSERT_TRUE((*rows)->Flush().ok());
  const std::vector<BatchRef> batches = (*rows)->TakeBatches();
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0]->rows, kBatchRowsMax);
  EXPECT_EQ(batches[1]->rows, 10u);
  EXPECT_EQ((*rows)->rows(), kBatchRowsMax + 10);
}

TEST(RowAssemblerTest, SplitsAtTheByteLimit) {
  auto rows = RowAssembler::Create(TableForTest(), {kId, kTs}, {}, 100'000);
  ASSERT_TRUE(rows.ok());
  for (int i = 0; i < 1000; ++i) AddRow(**rows, i, std::string(1000, 'x'));
  ASSERT_TRUE((*rows)->Flush().ok());
  const std::vector<BatchRef> batches = (*rows)->TakeBatches();
  EXPECT_GE(batches.size(), 7u);
  for (const BatchRef& batch : batches) EXPECT_LT(batch->MemoryBytes(), 500'000u);
}

TEST(RowAssemblerTest, AbandonedRowsLeaveNothing) {
  auto rows = RowAssembler::Create(TableForTest(), {kId, kTs}, {});
  ASSERT_TRUE(rows.ok());
  AddRow(**rows, 0, "a");
  (*rows)->cell(0).AppendBytes("half");
  (*rows)->AbandonRow();
  AddRow(**rows, 1, "b");
  ASSERT_TRUE((*rows)->Flush().ok());
  const std::vector<BatchRef> batches = (*rows)->TakeBatches();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(ColumnOf(*(*rows)->table(), *batches[0], "id")->Bytes(1), "b");
}

TEST(RowAssemblerTest, RefusesWhatOnlyTheEngineCanEvaluate) {
  auto table = std::make_shared<TableDef>(*TableForTest());
  table->columns[12].default_sql = "upper('x')";
  EXPECT_TRUE(IsNotDecodable(RowAssembler::Create(table, {kId, kTs}, {}).status()));
  // With a cell of its own the default does not matter until a row asks for it.
  auto rows = RowAssembler::Create(table, {12}, {});
  ASSERT_TRUE(rows.ok());
  EXPECT_TRUE(IsNotDecodable((*rows)->AppendDefault(0)));
}

TEST(RowAssemblerTest, NullInNotNullColumn) {
  auto rows = RowAssembler::Create(TableForTest(), {kId, kTs}, {});
  ASSERT_TRUE(rows.ok());
  (*rows)->cell(0).AppendNull();
  (*rows)->cell(1).AppendFixed(int64_t{0});
  ASSERT_TRUE((*rows)->EndRow().ok());
  EXPECT_EQ(SqlStateOf((*rows)->Flush()), "23502");
  EXPECT_TRUE((*rows)->TakeBatches().empty());
}

}  // namespace
}  // namespace varve::ingest
