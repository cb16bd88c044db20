#include "ingest/copy_spec.h"

#include <gtest/gtest.h>

namespace varve::ingest {
namespace {

CopySpec Parsed(std::string_view sql) {
  const Result<std::optional<CopySpec>> spec = ParseCopy(sql);
  EXPECT_TRUE(spec.ok()) << sql << ": " << spec.status();
  EXPECT_TRUE(!spec.ok() || spec->has_value()) << sql;
  return spec.ok() && spec->has_value() ? **spec : CopySpec{};
}

std::string StateOf(std::string_view sql) { return SqlStateOf(ParseCopy(sql).status()); }

TEST(CopySpecTest, DefaultsOfEachFormat) {
  const CopySpec text = Parsed("COPY t FROM STDIN");
  EXPECT_EQ(text.format, CopyFormat::kText);
  EXPECT_EQ(text.delimiter, '\t');
  EXPECT_EQ(text.null_text, "\\N");
  EXPECT_FALSE(text.to_client);
  const CopySpec csv = Parsed("copy public.\"T x\" (a, \"B\") from stdin with (format csv);");
  EXPECT_EQ(csv.schema, "public");
  EXPECT_EQ(csv.table, "T x");
  EXPECT_EQ(csv.columns, (std::vector<std::string>{"a", "B"}));
  EXPECT_EQ(csv.delimiter, ',');
  EXPECT_EQ(csv.null_text, "");
  EXPECT_EQ(csv.quote, '"');
  EXPECT_EQ(csv.escape, '"');
  EXPECT_EQ(Parsed("COPY t FROM STDIN (FORMAT BINARY)").format, CopyFormat::kBinary);
  EXPECT_EQ(Parsed("COPY BINARY t FROM STDIN").format, CopyFormat::kBinary);
}

TEST(CopySpecTest, Options) {
  const CopySpec spec = Parsed(
      "COPY t FROM STDIN (FORMAT 'csv', DELIMITER ';', NULL 'nil', HEADER MATCH, QUOTE '''', "
      "ESCAPE E'\\\\', FORCE_NOT_NULL (a, b), FORCE_NULL (c), ENCODING 'utf8', FREEZE off)");
  EXPECT_EQ(spec.delimiter, ';');
  EXPECT_EQ(spec.null_text, "nil");
  EXPECT_EQ(spec.header, CopyHeader::kMatch);
  EXPECT_EQ(spec.quote, '\'');
  EXPECT_EQ(spec.escape, '\\');
  EXPECT_EQ(spec.force_not_null.size(), 2u);
  EXPECT_EQ(spec.force_null.size(), 1u);
  EXPECT_EQ(Parsed("COPY t FROM STDIN (FORMAT csv, HEADER)").header, CopyHeader::kSkip);
  EXPECT_EQ(Parsed("COPY t FROM STDIN (FORMAT csv, HEADER true)").header, CopyHeader::kSkip);
  EXPECT_EQ(Parsed("COPY t FROM STDIN (HEADER false)").header, CopyHeader::kNone);
}

TEST(CopySpecTest, OldSyntax) {
  const CopySpec spec = Parsed(
      "COPY t FROM STDIN WITH DELIMITER AS ';' NULL AS '' CSV HEADER QUOTE '\"' ESCAPE '\"' "
      "FORCE NOT NULL a, b");
  EXPECT_EQ(spec.format, CopyFormat::kCsv);
  EXPECT_EQ(spec.delimiter, ';');
  EXPECT_EQ(spec.header, CopyHeader::kSkip);
  EXPECT_EQ(spec.force_not_null.size(), 2u);
  EXPECT_EQ(Parsed("COPY t FROM STDIN USING DELIMITERS '|'").delimiter, '|');
  EXPECT_EQ(Parsed("COPY t FROM STDIN CSV HEADER").format, CopyFormat::kCsv);
}

TEST(CopySpecTest, ToTheClient) {
  const CopySpec query =
      Parsed("COPY (SELECT ')', (1) FROM t) TO STDOUT (FORMAT csv, FORCE_QUOTE *)");
  EXPECT_TRUE(query.to_client);
  EXPECT_EQ(query.query, "SELECT ')', (1) FROM t");
  EXPECT_TRUE(query.force_quote_all);
  EXPECT_EQ(Parsed("COPY t (a) TO STDOUT").table, "t");
}

TEST(CopySpecTest, WhatIsNotACopyStatement) {
  for (const char* sql : {"SELECT 1", "", "COPYX t FROM STDIN", "COPY t FROM STDIN; SELECT 1"}) {
    const Result<std::optional<CopySpec>> spec = ParseCopy(sql);
    ASSERT_TRUE(spec.ok()) << sql << spec.status();
    EXPECT_FALSE(spec->has_value()) << sql;
  }
}

TEST(CopySpecTest, Errors) {
  EXPECT_EQ(StateOf("COPY t FROM '/etc/passwd'"), "42501");
  EXPECT_EQ(StateOf("COPY t TO E'/tmp/x'"), "42501");
  EXPECT_EQ(StateOf("COPY t FROM PROGRAM 'id'"), "42501");
  for (const char* sql :
       {"COPY", "COPY t", "COPY t FROM", "COPY t STDIN", "COPY t (a FROM STDIN",
        "COPY t () FROM STDIN", "COPY t FROM STDIN (FORMAT csv", "COPY t FROM STDIN (NOPE 1)",
        "COPY t FROM STDIN xyz", "COPY (SELECT 1) FROM STDIN", "COPY (SELECT 1 TO STDOUT",
        "COPY t FROM STDIN (HEADER maybe)", "COPY t FROM STDIN (FORMAT csv, FORMAT csv)",
        "COPY t FROM STDIN (FORMAT binary, NULL '')", "COPY t FROM STDIN (DELIMITER)",
        "COPY t FROM STDIN (FORMAT binary, HEADER)"}) {
    EXPECT_EQ(StateOf(sql), "42601") << sql;
  }
  for (const char* sql :
       {"COPY t FROM STDIN (FORMAT xml)", "COPY t FROM STDIN (DELIMITER 'a')",
        "COPY t FROM STDIN (DELIMITER E'\\n')", "COPY t FROM STDIN (NULL E'\\n')",
        "COPY t FROM STDIN (FORMAT csv, DELIMITER '\"')",
        "COPY t FROM STDIN (FORMAT csv, NULL ',')", "COPY t FROM STDIN (FORMAT csv, NULL '\"')"}) {
    EXPECT_EQ(StateOf(sql), "22023") << sql;
  }
  for (const char* sql : {"COPY t FROM STDIN (DELIMITER '||')", "COPY t FROM STDIN (QUOTE '\"')",
                          "COPY t FROM STDIN (ENCODING 'latin1')", "COPY t FROM STDIN (FREEZE)",
                          "COPY t FROM STDIN WHERE a > 1", "COPY t FROM STDIN (FORCE_NULL (a))"}) {
    EXPECT_EQ(StateOf(sql), "0A000") << sql;
  }
  EXPECT_EQ(PositionOf(ParseCopy("COPY t FROM STDIN (NOPE 1)").status()), 20u);
}

}  // namespace
}  // namespace varve::ingest
