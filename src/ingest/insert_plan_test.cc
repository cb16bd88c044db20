#include <gtest/gtest.h>

#include "ingest/insert_decoder.h"
#include "ingest/number_text.h"
#include "ingest/table_for_test.h"

namespace varve::ingest {
namespace {

using namespace std::string_literals;
using PlanRef = std::shared_ptr<const InsertPlan>;

PlanRef Compile(std::string_view sql, std::vector<Type> declared = {}) {
  Result<PlanRef> plan = CompileInsert(sql, declared, FinderForTest());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : nullptr;
}

InsertParameter TextOf(std::string_view bytes) { return {bytes, false}; }
InsertParameter BinaryOf(std::string_view bytes) { return {bytes, true}; }

Result<Batch> Insert(const InsertPlan& plan, std::vector<InsertParameter> parameters) {
  VARVE_ASSIGN_OR_RETURN(auto rows, plan.NewAssembler({}));
  VARVE_RETURN_IF_ERROR(plan.Append(parameters, {}, *rows));
  VARVE_RETURN_IF_ERROR(rows->Flush());
  return *rows->TakeBatches().at(0);
}

// The value of `column` when $1 of type `declared` is put there.
Result<Column> Assign(const char* column, const Type& declared, InsertParameter value) {
  const std::string sql =
      "INSERT INTO t (ts, id, " + std::string(column) + ") VALUES ('epoch', 'k', $1)";
  const PlanRef plan = Compile(sql, {declared});
  if (plan == nullptr) return NotDecodable("no plan");
  VARVE_ASSIGN_OR_RETURN(const Batch batch, Insert(*plan, {value}));
  const Column* found = ColumnOf(*plan->table(), batch, column);
  return found == nullptr ? Column{} : *found;
}

TEST(InsertPlanTest, TextAndBinaryParameters) {
  const PlanRef plan = Compile(
      "INSERT INTO t (ts, id, n, tags, level) VALUES ($1, $2, $3, ARRAY['x'], DEFAULT),"
      " ($1, 'fixed', -1, $4, 'warn')");
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->rows(), 2u);
  ASSERT_EQ(plan->parameter_types().size(), 4u);
  EXPECT_EQ(plan->parameter_types()[0].kind(), TypeKind::kTimestampTz);
  EXPECT_EQ(plan->parameter_types()[3].ToString(), "text[]");
  const Result<Batch> batch = Insert(*plan, {TextOf("2025-01-01 00:00:00Z"), TextOf("a"),
                                             BinaryOf("\0\0\0\0\0\0\0\5"s), InsertParameter{}});
  ASSERT_TRUE(batch.ok()) << batch.status();
  const TableDef& table = *plan->table();
  EXPECT_EQ(ColumnOf(table, *batch, "n")->Fixed<int64_t>(0), 5);
  EXPECT_EQ(ColumnOf(table, *batch, "n")->Fixed<int64_t>(1), -1);
  EXPECT_EQ(ColumnOf(table, *batch, "id")->Bytes(1), "fixed");
  EXPECT_EQ(ColumnOf(table, *batch, "level")->Bytes(0), "info");
  EXPECT_TRUE(ColumnOf(table, *batch, "tags")->IsNull(1));
}

TEST(InsertPlanTest, SeveralExecutionsShareAnAssembler) {
  const PlanRef plan = Compile("INSERT INTO t (ts, id) VALUES ('epoch', $1)");
  ASSERT_NE(plan, nullptr);
  auto rows = plan->NewAssembler({});
  ASSERT_TRUE(rows.ok());
  for (const char* id : {"a", "b", "c"}) {
    const InsertParameter parameter = TextOf(id);
    ASSERT_TRUE(plan->Append({&parameter, 1}, {}, **rows).ok());
  }
  ASSERT_TRUE((*rows)->Flush().ok());
  EXPECT_EQ((*rows)->TakeBatches().at(0)->rows, 3u);
}

TEST(InsertPlanTest, DeclaredTypesAreAssigned) {
  const Type int2(TypeKind::kInt16);
  const Type int8(TypeKind::kInt64);
  const Type float8(TypeKind::kFloat64);
  const Type numeric(TypeKind::kNumericText);
  EXPECT_EQ(Assign("n", int2, BinaryOf("\0\7"s))->Fixed<int64_t>(0), 7);
  EXPECT_EQ(Assign("x", int2, TextOf("7"))->Fixed<double>(0), 7.0);
  EXPECT_EQ(static_cast<int64_t>(Assign("price", int8, TextOf("7"))->Fixed<Int128>(0)), 700);
  EXPECT_EQ(SqlStateOf(Assign("price", int8, TextOf("1000000")).status()), "22003");
  EXPECT_EQ(SqlStateOf(Assign("s", int8, TextOf("40000")).status()), "22003");
  EXPECT_EQ(Assign("n", float8, TextOf("2.5"))->Fixed<int64_t>(0), 2);
  EXPECT_EQ(SqlStateOf(Assign("n", float8, TextOf("1e300")).status()), "22003");
  EXPECT_EQ(SqlStateOf(Assign("n", float8, TextOf("nan")).status()), "22003");
  EXPECT_EQ(Assign("n", numeric, TextOf("2.5"))->Fixed<int64_t>(0), 3);
  EXPECT_EQ(static_cast<int64_t>(Assign("price", numeric, TextOf("2.555"))->Fixed<Int128>(0)), 256);
  EXPECT_EQ(
      Assign("seen", Type(TypeKind::kTimestamp), TextOf("1970-01-01 00:00:01"))->Fixed<int64_t>(0),
      1'000'000);
  EXPECT_EQ(Assign("seen", Type(TypeKind::kDate), BinaryOf("\0\0\0\0"s))->Fixed<int64_t>(0),
            946'684'800'000'000);
  EXPECT_EQ(Compile("INSERT INTO t (doc) VALUES ($1)", {Type(TypeKind::kText)}), nullptr);
  EXPECT_EQ(Compile("INSERT INTO t (ok) VALUES ($1)", {int2}), nullptr);
}

TEST(InsertPlanTest, CastsOfParameters) {
  const PlanRef plan = Compile("INSERT INTO t (ts, id) VALUES ($1::timestamptz, $2::text)");
  ASSERT_NE(plan, nullptr);
  EXPECT_TRUE(Insert(*plan, {TextOf("epoch"), TextOf("a")}).ok());
  const PlanRef local = Compile("INSERT INTO t (ts, id) VALUES ($1::timestamp, 'a')");
  ASSERT_NE(local, nullptr);
  EXPECT_EQ(local->parameter_types()[0].kind(), TypeKind::kTimestamp);
  EXPECT_EQ(Compile("INSERT INTO t (n) VALUES ($1::text)"), nullptr);
  EXPECT_EQ(Compile("INSERT INTO t (n, id) VALUES ($1, $1)"), nullptr);
  EXPECT_EQ(Compile("INSERT INTO t (n) VALUES ($2)"), nullptr);
  EXPECT_EQ(Compile("INSERT INTO t (n) VALUES ($0)"), nullptr);
  EXPECT_EQ(Compile("INSERT INTO t (n) VALUES ($99999999)"), nullptr);
  EXPECT_EQ(Compile("INSERT INTO t (n) VALUES ($1); SELECT 1"), nullptr);
}

TEST(InsertPlanTest, Errors) {
  // A bad literal is found when the statement is parsed.
  const Status at_parse =
      CompileInsert("INSERT INTO t (n, id) VALUES ('x', $1)", {}, FinderForTest()).status();
  EXPECT_EQ(SqlStateOf(at_parse), "22P02");
  EXPECT_EQ(PositionOf(at_parse), 31u);
  const PlanRef plan = Compile("INSERT INTO t (ts, id) VALUES ($1, $2)");
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(SqlStateOf(Insert(*plan, {TextOf("foo"), TextOf("a")}).status()), "22007");
  EXPECT_EQ(SqlStateOf(Insert(*plan, {TextOf("epoch"), TextOf("\xff")}).status()), "22021");
  EXPECT_EQ(SqlStateOf(Insert(*plan, {BinaryOf("123"), TextOf("a")}).status()), "22P03");
  EXPECT_EQ(SqlStateOf(Insert(*plan, {TextOf("epoch"), InsertParameter{}}).status()), "23502");
  EXPECT_EQ(SqlStateOf(Insert(*plan, {TextOf("epoch")}).status()), "08P01");
}

}  // namespace
}  // namespace varve::ingest
