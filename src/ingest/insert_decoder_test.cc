#include "ingest/insert_decoder.h"

#include <gtest/gtest.h>

#include "ingest/number_text.h"
#include "ingest/table_for_test.h"

namespace varve::ingest {
namespace {

using Decoded = Result<std::optional<DecodedInsert>>;

Decoded Decode(std::string_view sql) { return DecodeInsert(sql, FinderForTest(), {}); }

bool IsMine(std::string_view sql) {
  const Decoded insert = Decode(sql);
  return !insert.ok() || insert->has_value();
}

// The only batch of `INSERT INTO t (ts, id, <columns>) VALUES ('epoch', 'k', <values>)`.
std::optional<Batch> Row(const std::string& column, const std::string& value) {
  const std::string sql =
      "INSERT INTO t (ts, id, \"" + column + "\") VALUES ('epoch', 'k', " + value + ")";
  const Decoded insert = Decode(sql);
  EXPECT_TRUE(insert.ok()) << sql << ": " << insert.status();
  if (!insert.ok()) return std::nullopt;
  EXPECT_TRUE(insert->has_value()) << "not decoded: " << sql;
  if (!insert->has_value()) return std::nullopt;
  EXPECT_EQ((*insert)->batches.size(), 1u);
  EXPECT_TRUE((*insert)->batches[0]->Validate().ok());
  return *(*insert)->batches[0];
}

std::string Text(const std::string& value, const std::string& column = "Mixed Name") {
  const std::optional<Batch> batch = Row(column, value);
  if (!batch) return "<error>";
  const Column* found = ColumnOf(*TableForTest(), *batch, column);
  return found == nullptr ? "<null>" : std::string(found->Bytes(0));
}

template <typename T>
T Fixed(const std::string& column, const std::string& value) {
  const std::optional<Batch> batch = Row(column, value);
  if (!batch) return T{};
  const Column* found = ColumnOf(*TableForTest(), *batch, column);
  EXPECT_NE(found, nullptr);
  return found == nullptr ? T{} : found->Fixed<T>(0);
}

Status ErrorOf(const std::string& column, const std::string& value) {
  return Decode("INSERT INTO t (ts, id, " + column + ") VALUES ('epoch', 'k', " + value + ")")
      .status();
}

bool GoesToTheEngine(const std::string& column, const std::string& value) {
  return !IsMine("INSERT INTO t (ts, id, " + column + ") VALUES ('epoch', 'k', " + value + ")");
}

TEST(InsertDecoderTest, RowsAndTheirForms) {
  const std::string sql =
      " /* a /* nested */ comment */ insert INTO public.\"t\" -- to the end\n"
      "(ID, ts,N) values ('a', '2025-01-01T00:00:00Z', 1),('b','2025-01-02',-2) ,\n"
      "( 'c' , TIMESTAMPTZ '2025-01-03' , NULL ) ; ";
  const Decoded insert = Decode(sql);
  ASSERT_TRUE(insert.ok()) << insert.status();
  ASSERT_TRUE(insert->has_value());
  EXPECT_EQ((*insert)->rows, 3u);
  EXPECT_EQ((*insert)->text_bytes, sql.size());
  const TableDef& table = *(*insert)->table;
  const Batch& batch = *(*insert)->batches.at(0);
  EXPECT_EQ(ColumnOf(table, batch, "id")->Bytes(2), "c");
  EXPECT_EQ(ColumnOf(table, batch, "n")->Fixed<int64_t>(1), -2);
  EXPECT_TRUE(ColumnOf(table, batch, "n")->IsNull(2));
  EXPECT_EQ(ColumnOf(table, batch, "day")->Fixed<int32_t>(2), 20091);
}

TEST(InsertDecoderTest, WithoutAColumnListTheFirstColumnsAreMeant) {
  const Decoded insert = Decode("INSERT INTO t VALUES (NULL, '1970-01-02', 'a')");
  ASSERT_TRUE(insert.ok()) << insert.status();
  ASSERT_TRUE(insert->has_value());
  const Batch& batch = *(*insert)->batches.at(0);
  EXPECT_EQ(ColumnOf(*(*insert)->table, batch, "id")->Bytes(0), "a");
  EXPECT_EQ(ColumnOf(*(*insert)->table, batch, "day")->Fixed<int32_t>(0), 1);
}

TEST(InsertDecoderTest, StopsBehindTheFirstStatement) {
  const std::string first = "INSERT INTO t (ts, id) VALUES ('epoch', 'a;') ; ";
  const Decoded insert = Decode(first + "SELECT 1");
  ASSERT_TRUE(insert.ok());
  ASSERT_TRUE(insert->has_value());
  EXPECT_EQ((*insert)->text_bytes, first.size());
}

TEST(InsertDecoderTest, Strings) {
  EXPECT_EQ(Text("'it''s'"), "it's");
  EXPECT_EQ(Text("''"), "");
  EXPECT_EQ(Text("'a\\nb'"), "a\\nb");
  EXPECT_EQ(Text("E'a\\nb\\'c''d\\x41\\101\\u00e9\\U0001F600\\q'"),
            "a\nb'c'dAA\xc3\xa9\xf0\x9f\x98\x80q");
  EXPECT_EQ(Text("$$it's$$"), "it's");
  EXPECT_EQ(Text("$q$a $$ b$q$"), "a $$ b");
  EXPECT_EQ(Text("'x'::text"), "x");
  EXPECT_EQ(Text("CAST('x' AS varchar)"), "x");
  EXPECT_EQ(Text("'x'::character varying"), "x");
  EXPECT_EQ(Text("NULL::text"), "<null>");
  EXPECT_EQ(Text("12"), "12");
  EXPECT_EQ(Text("-1.50"), "-1.50");
  EXPECT_EQ(SqlStateOf(ErrorOf("level", "E'\\xff'")), "22021");
  EXPECT_EQ(SqlStateOf(ErrorOf("level", "E'\\000'")), "22021");
  EXPECT_EQ(SqlStateOf(ErrorOf("level", "E'\\ud800'")), "22025");
  EXPECT_EQ(SqlStateOf(ErrorOf("level", "'\xff'")), "22021");
}

TEST(InsertDecoderTest, Numbers) {
  EXPECT_EQ(Fixed<int64_t>("n", "1.5"), 2);
  EXPECT_EQ(Fixed<int64_t>("n", "-2.5"), -3);
  EXPECT_EQ(Fixed<int64_t>("n", "1e3"), 1000);
  EXPECT_EQ(Fixed<int64_t>("n", "-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(Fixed<int64_t>("n", "'42'"), 42);
  EXPECT_EQ(Fixed<int64_t>("n", "'42'::bigint"), 42);
  EXPECT_EQ(Fixed<int32_t>("i", "+7"), 7);
  EXPECT_EQ(Fixed<int16_t>("s", "-32768"), -32768);
  EXPECT_EQ(Fixed<double>("x", "3"), 3.0);
  EXPECT_EQ(Fixed<double>("x", "-.5e1"), -5.0);
  EXPECT_EQ(Fixed<double>("x", "1.5::double precision"), 1.5);
  EXPECT_EQ(static_cast<int64_t>(Fixed<Int128>("price", "1.005")), 101);
  EXPECT_EQ(static_cast<int64_t>(Fixed<Int128>("price", "'2.5'::numeric")), 250);
  EXPECT_EQ(MessageOf(ErrorOf("i", "2147483648")), "integer out of range");
  EXPECT_EQ(SqlStateOf(ErrorOf("n", "9223372036854775808")), "22003");
  EXPECT_EQ(SqlStateOf(ErrorOf("n", std::string(60, '9') + ".5")), "22003");
  EXPECT_EQ(SqlStateOf(ErrorOf("s", "32767.5")), "22003");
  EXPECT_EQ(SqlStateOf(ErrorOf("price", "1000000")), "22003");
}

TEST(InsertDecoderTest, OtherTypes) {
  EXPECT_EQ(Fixed<uint8_t>("ok", "TRUE"), 1);
  EXPECT_EQ(Fixed<uint8_t>("ok", "'off'"), 0);
  EXPECT_EQ(Text("'{\"a\": 1}'", "doc"), "{\"a\": 1}");
  EXPECT_EQ(Text("'{\"a\": 1}'::jsonb", "doc"), "{\"a\": 1}");
  EXPECT_EQ(Fixed<int64_t>("seen", "'1970-01-01 00:00:01+00'::timestamptz"), 1'000'000);
  EXPECT_EQ(Fixed<int64_t>("seen", "TIMESTAMP '1970-01-01 00:00:01+05'"), 1'000'000);
  EXPECT_EQ(Fixed<int64_t>("seen", "timestamp with time zone '1970-01-01 00:00:01Z'"), 1'000'000);
  EXPECT_EQ(Text("DEFAULT", "level"), "info");
}

TEST(InsertDecoderTest, Arrays) {
  const auto tags = [](const std::string& value) -> std::string {
    const std::optional<Batch> batch = Row("tags", value);
    if (!batch) return "<error>";
    const Column* column = ColumnOf(*TableForTest(), *batch, "tags");
    if (column == nullptr) return "<null>";
    std::string out;
    for (uint32_t i = 0; i < column->child->rows; ++i) {
      out += column->child->IsNull(i) ? "<null>" : std::string(column->child->Bytes(i));
      out += '|';
    }
    return out;
  };
  EXPECT_EQ(tags("ARRAY['a','b''c', NULL]"), "a|b'c|<null>|");
  EXPECT_EQ(tags("array[]"), "");
  EXPECT_EQ(tags("ARRAY[]::text[]"), "");
  EXPECT_EQ(tags("'{a,\"b c\"}'"), "a|b c|");
  EXPECT_EQ(tags("'{a}'::text[]"), "a|");
  EXPECT_EQ(tags("ARRAY[1,2]"), "1|2|");
  const std::optional<Batch> batch = Row("counts", "ARRAY[1, 2.5]");
  ASSERT_TRUE(batch);
  EXPECT_EQ(ColumnOf(*TableForTest(), *batch, "counts")->child->Fixed<int64_t>(1), 3);
  EXPECT_TRUE(GoesToTheEngine("counts", "ARRAY['1']"));
  EXPECT_TRUE(GoesToTheEngine("counts", "ARRAY[NULL]"));
  EXPECT_TRUE(GoesToTheEngine("tags", "ARRAY['a', 1]"));
  EXPECT_TRUE(GoesToTheEngine("tags", "ARRAY[['a']]"));
  EXPECT_TRUE(GoesToTheEngine("level", "ARRAY['a']"));
}

TEST(InsertDecoderTest, WhatIsLeftToTheEngine) {
  for (const char* sql : {
           "",
           "SELECT 1",
           "INSERT",
           "INSERT INTO",
           "INSERT INTO u (a) VALUES (1)",
           "INSERT INTO other.t (id) VALUES ('a')",
           "INSERT INTO a.b.t (id) VALUES ('a')",
           "INSERT INTO t (nope) VALUES (1)",
           "INSERT INTO t (id, id) VALUES ('a', 'b')",
           "INSERT INTO t (id) SELECT 'a'",
           "INSERT INTO t DEFAULT VALUES",
           "INSERT INTO t AS x (id) VALUES ('a')",
           "INSERT INTO t (id) VALUES ('a', 'b')",
           "INSERT INTO t (id, ts) VALUES ('a')",
           "INSERT INTO t (id) VALUES ()",
           "INSERT INTO t (id) VALUES ('a') RETURNING id",
           "INSERT INTO t (id) VALUES ('a') ON CONFLICT DO NOTHING",
           "INSERT INTO t (id) VALUES ('a'),",
           "INSERT INTO t (id) VALUES ('a'",
           "INSERT INTO t (id) VALUES ('a",
           "INSERT INTO t (id) VALUES (E'a\\'",
           "INSERT INTO t (id) VALUES ($x$a)",
           "INSERT INTO t (id) VALUES ('a') /* x",
           "INSERT INTO t (id) VALUES ($1)",
           "INSERT INTO t (id) VALUES (lower('a'))",
           "INSERT INTO t (id) VALUES ('a' || 'b')",
           "INSERT INTO t (n) VALUES (1 + 1)",
           "INSERT INTO t (n) VALUES ((SELECT 1))",
           "INSERT INTO t (n) VALUES ((1))",
           "INSERT INTO t (n) VALUES (- 1)",
           "INSERT INTO t (n) VALUES (1::int::bigint)",
           "INSERT INTO t (n) VALUES (true)",
           "INSERT INTO t (ok) VALUES (1)",
           "INSERT INTO t (ts) VALUES (5)",
           "INSERT INTO t (n) VALUES ('1'::text)",
           "INSERT INTO t (id) VALUES (007)",
           "INSERT INTO t (id) VALUES (1e3)",
           "INSERT INTO t (s) VALUES (-32768::smallint)",
           "INSERT INTO t (n) VALUES (123abc)",
           "INSERT INTO t (n) VALUES (0x10)",
           "INSERT INTO t (id) VALUES (id)",
           "INSERT INTO t (id) VALUES ('a'\n'b')",
           "INSERT INTO t (id) VALUES (U&'a')",
           "INSERT INTO t (id) VALUES (B'1')",
           "INSERT INTO t (price) VALUES (1::numeric(8,2))",
           "WITH x AS (SELECT 1) INSERT INTO t (id) VALUES ('a')",
       }) {
    EXPECT_FALSE(IsMine(sql)) << sql;
  }
}

TEST(InsertDecoderTest, ErrorsNameThePlace) {
  const std::string sql = "INSERT INTO t (ts, id, n) VALUES ('epoch', '\xc3\xa9', 'abc')";
  const Status status = Decode(sql).status();
  EXPECT_EQ(SqlStateOf(status), "22P02");
  EXPECT_EQ(MessageOf(status), "invalid input syntax for type bigint: \"abc\"");
  EXPECT_EQ(PositionOf(status), sql.find("'abc'"));  // one two-byte character before it, 1-based
}

TEST(InsertDecoderTest, TheFirstBadValueCountsIfTheStatementIsMine) {
  const Status status = Decode("INSERT INTO t (ts, n) VALUES ('epoch', 'x'), ('y', 'z')").status();
  EXPECT_EQ(MessageOf(status), "invalid input syntax for type bigint: \"x\"");
  // Behind the bad value there is an expression: the engine has to say what is wrong.
  EXPECT_FALSE(IsMine("INSERT INTO t (ts, n) VALUES ('epoch', 'x'), (now(), 1)"));
}

TEST(InsertDecoderTest, RowRules) {
  EXPECT_EQ(SqlStateOf(Decode("INSERT INTO t (ts) VALUES ('epoch')").status()), "23502");
  EXPECT_EQ(SqlStateOf(Decode("INSERT INTO t (ts, id) VALUES ('epoch', NULL)").status()), "23502");
  EXPECT_EQ(SqlStateOf(
                Decode("INSERT INTO t (day, ts, id) VALUES ('2025-01-01', 'epoch', 'a')").status()),
            "22023");
}

}  // namespace
}  // namespace varve::ingest
