#include "ingest/copy_decoder.h"

#include <gtest/gtest.h>

#include "base/error_context.h"
#include "ingest/table_for_test.h"

namespace varve::ingest {
namespace {

using namespace std::string_literals;

constexpr const char* kText = "COPY t (ts, id, level) FROM STDIN";
constexpr const char* kCsv = "COPY t (ts, id, level) FROM STDIN (FORMAT csv)";
constexpr const char* kBinary = "COPY t (ts, id, level) FROM STDIN (FORMAT binary)";

Result<std::unique_ptr<CopyDecoder>> Open(std::string_view sql) {
  VARVE_ASSIGN_OR_RETURN(const std::optional<CopySpec> spec, ParseCopy(sql));
  return CopyDecoder::Create(*spec, TableForTest(), {});
}

// Feeds `data` in pieces of `piece` bytes; gives "id=level;" of each row.
Result<std::string> Copy(std::string_view sql, std::string_view data, size_t piece) {
  VARVE_ASSIGN_OR_RETURN(const auto decoder, Open(sql));
  for (size_t at = 0; at < data.size(); at += piece) {
    VARVE_RETURN_IF_ERROR(decoder->Feed(data.substr(at, piece)));
  }
  VARVE_RETURN_IF_ERROR(decoder->Finish());
  std::string rows;
  uint64_t count = 0;
  for (const BatchRef& batch : decoder->TakeBatches()) {
    EXPECT_TRUE(batch->Validate().ok());
    const Column* ids = ColumnOf(*TableForTest(), *batch, "id");
    const Column* levels = ColumnOf(*TableForTest(), *batch, "level");
    for (uint32_t row = 0; row < batch->rows; ++row, ++count) {
      rows += std::string(ids->Bytes(row)) + "=";
      const bool is_null = levels == nullptr || levels->IsNull(row);
      rows += is_null ? "<null>" : std::string(levels->Bytes(row));
      rows += ";";
    }
  }
  EXPECT_EQ(count, decoder->rows());
  return rows;
}

// The same whatever the chunks are.
std::string Rows(std::string_view sql, std::string_view data) {
  const Result<std::string> whole = Copy(sql, data, SIZE_MAX);
  EXPECT_TRUE(whole.ok()) << data << ": " << whole.status();
  for (size_t piece = 1; piece <= std::min<size_t>(data.size(), 40); ++piece) {
    const Result<std::string> cut = Copy(sql, data, piece);
    EXPECT_TRUE(cut.ok()) << piece << ": " << cut.status();
    EXPECT_EQ(whole.value_or(""), cut.value_or("")) << piece;
  }
  return whole.value_or("<error>");
}

Status ErrorOf(std::string_view sql, std::string_view data) {
  Status whole = Copy(sql, data, SIZE_MAX).status();
  for (const size_t piece : {1, 3, 7}) {
    const Status cut = Copy(sql, data, piece).status();
    EXPECT_EQ(SqlStateOf(cut), SqlStateOf(whole)) << data;
    EXPECT_EQ(ContextOf(cut), ContextOf(whole)) << data;
  }
  return whole;
}

TEST(CopyTextTest, RowsEscapesAndNulls) {
  EXPECT_EQ(Rows(kText, "epoch\ta\tx\nepoch\tb\t\\N\nepoch\tc\t\n"), "a=x;b=<null>;c=;");
  EXPECT_EQ(Rows(kText, "epoch\ta\\tb\\\\c\\\td\t\\x41\\101\\n\\q\n"), "a\tb\\c\td=AA\nq;");
  EXPECT_EQ(Rows(kText, "epoch\ta\\\nb\tx\nepoch\tc\ty\n"), "a\nb=x;c=y;");
  EXPECT_EQ(Rows(kText, "epoch\ta\tx"), "a=x;");
  EXPECT_EQ(Rows(kText, "epoch\ta\t"), "a=;");
  EXPECT_EQ(Rows(kText, "epoch\ta\tx\r\nepoch\tb\ty\r\n"), "a=x;b=y;");
  EXPECT_EQ(Rows(kText, "epoch\ta\tx\n\\.\ngarbage"), "a=x;");
  EXPECT_EQ(Rows(kText, "epoch\ta\tx\n\\."), "a=x;");
  EXPECT_EQ(Rows(kText, ""), "");
  EXPECT_EQ(Rows(kText, "epoch\t\xc3\xa9\t\\xc3\\xa9\n"), "\xc3\xa9=\xc3\xa9;");
  // The derived date is filled in where it is NULL, although its column is NOT NULL.
  EXPECT_EQ(Rows("COPY t (ts, day, id) FROM STDIN", "epoch\t\\N\ta\n"), "a=info;");
  EXPECT_EQ(Rows("COPY t (ts, id, level) FROM STDIN (DELIMITER '|', NULL 'nil', HEADER)",
                 "any|thing\nepoch|a|nil\n"),
            "a=<null>;");
}

TEST(CopyTextTest, Errors) {
  Status status = ErrorOf(kText, "epoch\ta\tx\nepoch\tb\n");
  EXPECT_EQ(SqlStateOf(status), "22P04");
  EXPECT_EQ(MessageOf(status), "missing data for column \"level\"");
  EXPECT_EQ(ContextOf(status), "COPY t, line 2");
  EXPECT_EQ(MessageOf(ErrorOf(kText, "epoch\ta\tx\ty\n")), "extra data after last expected column");
  EXPECT_EQ(SqlStateOf(ErrorOf(kText, "\n")), "22007");
  status = ErrorOf(kText, "epoch\ta\tx\nfoo\tb\ty\n");
  EXPECT_EQ(SqlStateOf(status), "22007");
  EXPECT_EQ(ContextOf(status), "COPY t, line 2, column ts: \"foo\"");
  EXPECT_EQ(SqlStateOf(ErrorOf(kText, "epoch\t\\N\tx\n")), "23502");
  EXPECT_EQ(MessageOf(ErrorOf(kText, "epoch\ta\tx\nepoch\tb\ty\r\n")),
            "literal carriage return found in data");
  EXPECT_EQ(MessageOf(ErrorOf(kText, "epoch\ta\tx\r\nepoch\tb\ty\n")),
            "literal newline found in data");
  status = ErrorOf(kText, "epoch\ta\tx\nepoch\tb\t\xff\n");
  EXPECT_EQ(SqlStateOf(status), "22021");
  EXPECT_EQ(ContextOf(status), "COPY t, line 2");
  EXPECT_EQ(SqlStateOf(ErrorOf(kText, "epoch\ta\t\\xff\n")), "22021");
  EXPECT_EQ(SqlStateOf(ErrorOf(kText, "epoch\ta\t\\0\n")), "22021");
  EXPECT_EQ(SqlStateOf(ErrorOf(kText, "epoch Mars/Olympus\ta\tx\n")), "22007");
  EXPECT_EQ(SqlStateOf(ErrorOf(kText, "2025-01-01 Mars/Olympus\ta\tx\n")), "22023");
  EXPECT_EQ(SqlStateOf(ErrorOf("COPY t (ts, day, id) FROM STDIN", "epoch\t2025-01-01\ta\n")),
            "22023");
}

TEST(CopyCsvTest, QuotesAndNulls) {
  EXPECT_EQ(Rows(kCsv, "epoch,a,x\nepoch,b,\nepoch,c,\"\"\n"), "a=x;b=<null>;c=;");
}

TEST(CopyCsvTest, QuotedLineEndsAndMixedFields) {
  EXPECT_EQ(Rows(kCsv, "epoch,\"a,b\"\"c\",\"1\n2\"\nepoch,d,x\n"), "a,b\"c=1\n2;d=x;");
  EXPECT_EQ(Rows(kCsv, "epoch,a\"b,c\"d,\"x\"y\nepoch,e,\"\"\"\"\n"), "ab,cd=xy;e=\";");
  EXPECT_EQ(Rows(kCsv, "epoch,a,\"x\r\ny\"\r\nepoch,b,z\r\n"), "a=x\r\ny;b=z;");
  EXPECT_EQ(Rows(kCsv, "epoch,a,x"), "a=x;");
  EXPECT_EQ(Rows(kCsv, "epoch,a,"), "a=<null>;");
  EXPECT_EQ(Rows(kCsv, "epoch,a,\"x\""), "a=x;");
  EXPECT_EQ(Rows(kCsv, "epoch,a,x\\N\nepoch,b,\\.\n\\.\nrest"), "a=x\\N;b=\\.;");
  EXPECT_EQ(Rows("COPY t (ts, id, level) FROM STDIN (FORMAT csv, ESCAPE '\\')",
                 "epoch,\"a\\\"b\\\\c\\d\",x\n"),
            "a\"b\\c\\d=x;");
  EXPECT_EQ(
      Rows("COPY t (ts, id, level) FROM STDIN (FORMAT csv, QUOTE '''')", "epoch,'a''b','x'\n"),
      "a'b=x;");
  EXPECT_EQ(
      Rows("COPY t (ts, id, level) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (level))", "epoch,a,\n"),
      "a=;");
  EXPECT_EQ(
      Rows("COPY t (ts, id, level) FROM STDIN (FORMAT csv, FORCE_NULL (level))", "epoch,a,\"\"\n"),
      "a=<null>;");
}

TEST(CopyCsvTest, Headers) {
  const char* match = "COPY t (ts, id, level) FROM STDIN (FORMAT csv, HEADER match)";
  EXPECT_EQ(Rows(match, "ts,\"id\",level\nepoch,a,x\n"), "a=x;");
  EXPECT_EQ(MessageOf(ErrorOf(match, "ts,id\n")),
            "wrong number of fields in header line: got 2, expected 3");
  EXPECT_EQ(MessageOf(ErrorOf(match, "ts,id,lvl\n")),
            "column name mismatch in header line field 3: got \"lvl\", expected \"level\"");
  EXPECT_EQ(Rows("COPY t (ts, id, level) FROM STDIN CSV HEADER", "\"a\nb\",c\nepoch,a,x\n"),
            "a=x;");
}

TEST(CopyCsvTest, Errors) {
  EXPECT_EQ(MessageOf(ErrorOf(kCsv, "epoch,a,\"x\n")), "unterminated CSV quoted field");
  EXPECT_EQ(MessageOf(ErrorOf(kCsv, "epoch,a,x\ry\n")), "unquoted carriage return found in data");
  const Status status = ErrorOf(kCsv, "epoch,\"a\nb\",x\nfoo,c,y\n");
  EXPECT_EQ(ContextOf(status), "COPY t, line 3, column ts: \"foo\"");
}

std::string Field(std::string_view bytes) {
  return "\0\0\0"s + static_cast<char>(bytes.size()) + std::string(bytes);
}

const std::string kHeader = "PGCOPY\n\xff\r\n\0"s + std::string(8, '\0');
const std::string kMoment(8, '\0');
const std::string kNull = "\xff\xff\xff\xff";
const std::string kRowA = "\0\3"s + Field(kMoment) + Field("a") + Field("x");
const std::string kRowB = "\0\3"s + Field(kMoment) + Field("b") + kNull;
const std::string kEnd = "\xff\xff";

TEST(CopyBinaryTest, Rows) {
  EXPECT_EQ(Rows(kBinary, kHeader + kRowA + kRowB + kEnd), "a=x;b=<null>;");
  EXPECT_EQ(Rows(kBinary, kHeader + kRowA), "a=x;");
  std::string extended = kHeader;
  extended[18] = 2;
  EXPECT_EQ(Rows(kBinary, extended + "??" + kRowA + kEnd), "a=x;");
}

TEST(CopyBinaryTest, Errors) {
  const auto state = [](const std::string& data) { return SqlStateOf(ErrorOf(kBinary, data)); };
  EXPECT_EQ(state(""), "22P04");
  EXPECT_EQ(state("PGCOPX"), "22P04");
  EXPECT_EQ(MessageOf(ErrorOf(kBinary, "epoch\ta\tx\n")), "COPY file signature not recognized");
  EXPECT_EQ(MessageOf(ErrorOf(kBinary, kHeader + kRowA.substr(0, 9))),
            "unexpected EOF in COPY data");
  EXPECT_EQ(MessageOf(ErrorOf(kBinary, kHeader + "\0\1"s)), "row field count is 1, expected 3");
  EXPECT_EQ(MessageOf(ErrorOf(kBinary, kHeader + "\0\3\xff\xff\xff\xfe"s)), "invalid field size");
  EXPECT_EQ(MessageOf(ErrorOf(kBinary, kHeader + kEnd + "x")),
            "received copy data after EOF marker");
  const Status wrong = ErrorOf(kBinary, kHeader + "\0\3"s + Field("1") + Field("a") + kNull);
  EXPECT_EQ(SqlStateOf(wrong), "22P03");
  EXPECT_EQ(ContextOf(wrong), "COPY t, line 1, column ts");
  EXPECT_EQ(state(kHeader + "\0\3\x7f\xff\xff\xff"s), "54000");
  EXPECT_EQ(state(kHeader + "\0\3"s + Field(kMoment) + kNull + kNull), "23502");
}

TEST(CopyDecoderTest, BatchesAreBounded) {
  auto decoder = Open(kText);
  ASSERT_TRUE(decoder.ok());
  const std::string line = "epoch\tid\t" + std::string(10'000, 'x') + "\n";
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE((*decoder)->Feed(line).ok());
  ASSERT_TRUE((*decoder)->Finish().ok());
  const std::vector<BatchRef> batches = (*decoder)->TakeBatches();
  EXPECT_GE(batches.size(), 4u);
  EXPECT_EQ((*decoder)->rows(), 2000u);
}

TEST(CopyDecoderTest, ARowMayNotBeLongerThanTheLimit) {
  auto decoder = Open(kText);
  ASSERT_TRUE(decoder.ok());
  ASSERT_TRUE((*decoder)->Feed("epoch\ta\tx\nepoch\tb\t").ok());
  const std::string piece(size_t{8} << 20, 'x');
  size_t held = 0;
  Status status;
  while (status.ok() && held <= kCopyRowBytesMax) {
    status = (*decoder)->Feed(piece);
    if (status.ok()) held += piece.size();
  }
  EXPECT_EQ(SqlStateOf(status), sqlstate::kStatementTooComplex);
  EXPECT_EQ(ContextOf(status), "COPY t, line 2");
  EXPECT_LT(held, kCopyRowBytesMax);
  EXPECT_GT(held, kCopyRowBytesMax - 2 * piece.size());
}

TEST(CopyDecoderTest, ErrorsStay) {
  auto decoder = Open(kText);
  ASSERT_TRUE(decoder.ok());
  EXPECT_FALSE((*decoder)->Feed("foo\ta\tx\n").ok());
  EXPECT_FALSE((*decoder)->Feed("epoch\ta\tx\n").ok());
  EXPECT_FALSE((*decoder)->Finish().ok());
}

TEST(CopyDecoderTest, ColumnsMustExist) {
  EXPECT_EQ(SqlStateOf(Open("COPY t (nope) FROM STDIN").status()), "42703");
  EXPECT_EQ(SqlStateOf(Open("COPY t (id, id) FROM STDIN").status()), "42701");
  EXPECT_EQ(SqlStateOf(Open("COPY t (id) FROM STDIN (FORMAT csv, FORCE_NULL (level))").status()),
            "42P10");
  EXPECT_EQ((*Open("COPY t FROM STDIN"))->columns(), TableForTest()->columns.size());
}

}  // namespace
}  // namespace varve::ingest
