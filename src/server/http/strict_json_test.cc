#include "server/http/strict_json.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "server/http/http_limits.h"

namespace varve::server {
namespace {

std::string Strict(std::string_view text) {
  std::string out = "before";
  AppendStrictJson(text, out);
  return out.substr(6);
}

TEST(StrictJsonTest, JsonStaysAsItIs) {
  for (const std::string_view text :
       {"null", "true", "false", "0", "-0", "-1.5e-3", "1E+2", "9007199254740993", R"("")", "[]",
        "{}", "[[],{}]", R"({"a":{"b":[1,2,{"c":null}]},"a":1})", R"( [ 1 , "x" ]	)",
        R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", "\"ü€\U0001F600\"", "1e-400",
        "123456789012345678901234567890.5"}) {
    EXPECT_EQ(Strict(text), text);
  }
}

TEST(StrictJsonTest, NoNumberIsNull) {
  EXPECT_EQ(Strict(R"({"a":NaN,"b":[Infinity,-Infinity,nan,inf,-INF]})"),
            R"({"a":null,"b":[null,null,null,null,null]})");
  EXPECT_EQ(Strict("NaN"), "null");
  EXPECT_EQ(Strict("[1e400,-1e400]"), "[null,null]");
  EXPECT_EQ(Strict(std::string(400, '9')), "null");
}

TEST(StrictJsonTest, HalfASurrogatePairIsReplaced) {
  EXPECT_EQ(Strict(R"("\ud800")"), "\"\uFFFD\"");
  EXPECT_EQ(Strict(R"("\ud800\ud83d\ude00\udc00x")"), "\"\uFFFD\\ud83d\\ude00\uFFFDx\"");
  EXPECT_EQ(Strict("\"\xFF\""), "\"\uFFFD\"");
}

TEST(StrictJsonTest, WhatIsNoJsonIsAString) {
  EXPECT_EQ(Strict(""), R"("")");
  EXPECT_EQ(Strict("[1,]"), R"("[1,]")");
  EXPECT_EQ(Strict(R"({"a":1,})"), R"("{\"a\":1,}")");
  for (const std::string_view text :
       {"[",           "]",         "[1",         "[1 2]", "[,1]",      "{",       "{a:1}",
        R"({"a")",     R"({"a":})", R"({"a" 1})", "{1:2}", "[}",        "{]",      "1 2",
        "01",          "1.",        ".5",         "1e",    "+1",        "-",       "nul",
        "nulls",       "tru",       "NaNs",       "'x'",   "[1 /*c*/]", R"("\x")", R"("\u12")",
        R"("\u12g4")", "\"a",       "\"a\nb\"",   R"("\)", "\xFF"}) {
    std::string quoted = Strict(text);
    EXPECT_EQ(quoted.front(), '"') << text;
    EXPECT_EQ(quoted.back(), '"') << text;
    EXPECT_GE(quoted.size(), text.size() + 2) << text;
  }
}

TEST(StrictJsonTest, NestingIsBounded) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(Strict(nested(kAnswerDepthMax)), nested(kAnswerDepthMax));
  EXPECT_EQ(Strict(nested(kAnswerDepthMax + 1)), '"' + nested(kAnswerDepthMax + 1) + '"');
  EXPECT_EQ(Strict(std::string(1'000'000, '[')).size(), 1'000'002u);
}

// Texts of pieces that mean something, in any order.
TEST(StrictJsonTest, AStrictReaderTakesWhateverComesOut) {
  constexpr std::string_view kPieces[] = {
      "[",      "]",   "{",     "}",    ",",       ":",           "\"",   "\\",  "\"a\"",
      "\"b\":", "\\u", "\\ud8", "00",   "\\udc00", "\\u00e9",     "NaN",  "-",   "inf",
      "1",      "0",   ".5",    "e400", "e-400",   "E+2",         "true", "nul", "null",
      " ",      "\n",  "\t",    "\xFF", "ü",       "\xED\xA0\x80"};
  std::mt19937 random(7);  // the same texts each time
  simdjson::dom::parser reader;
  size_t strings = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (size_t pieces = random() % 9; pieces > 0; --pieces) {
      text += kPieces[random() % std::size(kPieces)];
    }
    const std::string strict = Strict(text);
    ASSERT_EQ(reader.parse(strict).error(), simdjson::SUCCESS) << text << " -> " << strict;
    strings += strict.front() == '"' ? 1 : 0;
  }
  EXPECT_LT(strings, 99'000u) << "hardly one of them was JSON";
}

}  // namespace
}  // namespace varve::server
