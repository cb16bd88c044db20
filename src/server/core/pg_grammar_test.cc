#include "server/core/pg_grammar.h"

#include <gtest/gtest.h>

namespace varve::server {
namespace {

template <typename T>
T One(std::string_view sql) {
  auto parsed = ParsePostgres(sql);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->size(), 1u);
  const T* statement = std::get_if<T>(&parsed->front().statement);
  EXPECT_NE(statement, nullptr) << sql;
  return statement == nullptr ? T{} : *statement;
}

TEST(PgGrammarTest, Settings) {
  EXPECT_EQ(One<SetSetting>("SET TIME ZONE 'UTC'").name, "timezone");
  EXPECT_EQ(One<SetSetting>("SET search_path = a, \"B c\"").value, "a, B c");
  EXPECT_EQ(One<SetSetting>("SET extra_float_digits = 0").value, "0");
  EXPECT_EQ(One<SetSetting>("SET extra_float_digits = -15").value, "-15");
  const auto two = ParsePostgres("SELECT 1; SET a.b = 'x', - 7, 0");
  EXPECT_EQ(std::get<SetSetting>(two->at(1).statement).value, "x, -7, 0");
  EXPECT_EQ(One<SetSetting>("SET jit = off").value, "off");
  EXPECT_TRUE(One<SetSetting>("SET LOCAL x.y TO 5").local);
  EXPECT_EQ(One<SetSetting>("RESET TimeZone").value, std::nullopt);
  One<ResetAll>("RESET ALL");
  EXPECT_EQ(One<ShowSetting>("SHOW transaction isolation level").name, "transaction_isolation");
  const auto modes = One<SetModes>(
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY");
  EXPECT_TRUE(modes.session);
  ASSERT_EQ(modes.modes.size(), 2u);
  EXPECT_EQ(modes.modes[0].second, "read committed");
  EXPECT_EQ(modes.modes[1], (std::pair<std::string, std::string>("transaction_read_only", "on")));
}

TEST(PgGrammarTest, DeepExpressionsEndInAnAnswer) {
  // The left side of each operator is one level deeper: this much needs more than a thread's stack.
  std::string sum = "SELECT 1";
  while (sum.size() + 2 <= kPostgresTextMax) sum += "+1";
  EXPECT_TRUE(ParsePostgres(sum).ok());
  EXPECT_EQ(SqlStateOf(ParsePostgres(sum.substr(0, sum.size() - 1)).status()),
            sqlstate::kSyntaxError);
  EXPECT_EQ(SqlStateOf(ParsePostgres(sum + "+1+1").status()), sqlstate::kStatementTooComplex);
}

TEST(PgGrammarTest, Transactions) {
  using Kind = TransactionControl::Kind;
  EXPECT_EQ(One<TransactionControl>("ABORT").kind, Kind::kRollback);
  EXPECT_EQ(One<TransactionControl>("END").kind, Kind::kCommit);
  const auto begin = One<TransactionControl>("BEGIN READ WRITE, NOT DEFERRABLE");
  EXPECT_EQ(begin.kind, Kind::kBegin);
  ASSERT_EQ(begin.modes.size(), 2u);
  EXPECT_EQ(begin.modes[0].second, "off");
  EXPECT_EQ(One<SavepointControl>("SAVEPOINT \"A b\"").name, "A b");
  EXPECT_EQ(One<SavepointControl>("RELEASE a").kind, SavepointControl::Kind::kRelease);
  EXPECT_EQ(One<SavepointControl>("ROLLBACK TO SAVEPOINT a").kind,
            SavepointControl::Kind::kRollbackTo);
  One<Unsupported>("COMMIT AND CHAIN");
  One<Unsupported>("PREPARE TRANSACTION 'x'");
}

TEST(PgGrammarTest, CursorsGiveTheirQueryAsItStands) {
  const auto declare =
      One<DeclareCursor>("DECLARE \"for\" /* for */ NO SCROLL CURSOR FOR SELECT 'x; y' FROM t");
  EXPECT_EQ(declare.name, "for");
  EXPECT_EQ(declare.query, "SELECT 'x; y' FROM t");
  EXPECT_FALSE(declare.scroll);
  EXPECT_TRUE(One<DeclareCursor>("declare c scroll cursor with hold for select 1").hold);
  EXPECT_EQ(One<DeclareCursor>("declare c cursor with hold for\n-- for\nselect 1").query,
            "select 1");
  EXPECT_EQ(One<FetchCursor>("FETCH ALL FROM c").count, INT64_MAX);
  EXPECT_EQ(One<FetchCursor>("FETCH FORWARD 7 FROM \"C\"").name, "C");
  EXPECT_FALSE(One<FetchCursor>("FETCH PRIOR FROM c").forward);
  EXPECT_FALSE(One<FetchCursor>("FETCH -1 FROM c").forward);
  EXPECT_TRUE(One<FetchCursor>("MOVE 3 IN c").move);
  EXPECT_EQ(One<CloseCursor>("CLOSE ALL").name, "");
}

TEST(PgGrammarTest, StatementsKeepTheirPlace) {
  const std::string_view sql = "/* a */ SET x.y = 1 ; -- c\n SELECT 'ü;' ;; RESET ALL";
  const auto parsed = ParsePostgres(sql);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->size(), 3u);
  EXPECT_EQ((*parsed)[1].text, "SELECT 'ü;' ");
  EXPECT_TRUE(std::holds_alternative<ForEngine>((*parsed)[1].statement));
  for (const ParsedPostgres& one : *parsed) {
    EXPECT_EQ(sql.substr(one.offset, one.text.size()), one.text);
  }
}

TEST(PgGrammarTest, ErrorsHavePostgresWordsAndPlace) {
  const Status status = ParsePostgres("SELECT 1; SELEC 2").status();
  EXPECT_EQ(SqlStateOf(status), "42601");
  EXPECT_EQ(MessageOf(status), "syntax error at or near \"SELEC\"");
  EXPECT_EQ(PositionOf(status), 11u);
}

TEST(PgGrammarTest, WhatNobodyCanRunIsNamed) {
  EXPECT_EQ(One<Unsupported>("LISTEN a").what, "LISTEN");
  EXPECT_EQ(One<Unsupported>("GRANT SELECT ON t TO u").what, "GRANT and REVOKE");
  EXPECT_EQ(One<Unsupported>("CREATE ROLE r").what, "CREATE ROLE");
  One<Unlisten>("UNLISTEN *");
  EXPECT_TRUE(One<DiscardState>("DISCARD ALL").all);
  EXPECT_EQ(One<Deallocate>("DEALLOCATE x").name, "x");
}

TEST(PgGrammarTest, FirstWord) {
  EXPECT_EQ(FirstWord("  insert into t"), "INSERT");
  EXPECT_EQ(FirstWord("-- select\n/* a /* b */ c */ Copy t"), "COPY");
  EXPECT_EQ(FirstWord("(select 1)"), "");
  EXPECT_EQ(FirstWord("/* never ends"), "");
  EXPECT_EQ(FirstWord(""), "");
}

}  // namespace
}  // namespace varve::server
