#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <limits>

#include "server/http/json_metric.h"
#include "server/http/json_reader.h"
#include "server/http/json_writer.h"

namespace varve::server {
namespace {

template <typename T>
std::string Number(T value) {
  std::string out;
  AppendJsonNumber(value, out);
  return out;
}

TEST(JsonWriterTest, NumbersReadBackTheSame) {
  EXPECT_EQ(Number(0.1), "0.1");
  EXPECT_EQ(Number(0.1f), "0.1");
  EXPECT_EQ(Number(1e300), "1e+300");
  EXPECT_EQ(Number(int64_t{INT64_MIN}), "-9223372036854775808");
  EXPECT_EQ(Number(std::nan("")), "null");
  EXPECT_EQ(Number(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonReaderTest, FieldsAreThereOnceOrNot) {
  JsonDocument document;
  std::string body = R"({"a":1,"b":null,"c":"x"})";
  const auto root = document.Parse(body);
  ASSERT_TRUE(root.ok());
  const auto fields = JsonFields::Of(*root, "the body");
  ASSERT_TRUE(fields.ok());
  EXPECT_TRUE(fields->Find("a").has_value());
  EXPECT_FALSE(fields->Find("b").has_value());
  EXPECT_EQ(MessageOf(fields->Require("b").status()), "b: required");
  EXPECT_EQ(MessageOf(fields->Require("d").status()), "d: required");
  EXPECT_TRUE(fields->RequireAny("b").value().is_null());
  EXPECT_EQ(MessageOf(fields->RequireAny("d").status()), "d: required");
  EXPECT_EQ(JsonInteger(*fields->Find("a"), "a", 1, 1).value(), 1);
  EXPECT_FALSE(JsonInteger(*fields->Find("a"), "a", 2, 3).ok());
  EXPECT_FALSE(JsonInteger(*fields->Find("c"), "c", 0, 9).ok());
  std::string twice = R"({"a":1,"a":2})";
  const auto again = document.Parse(twice);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(JsonFields::Of(*again, "the body").ok());
}

TEST(JsonReaderTest, AnObjectOfMillionsOfFieldsIsRefusedAtOnce) {
  // Compared with each other they would take hours.
  std::string body = "{";
  for (int i = 0; i < 3'000'000; ++i) fmt::format_to(std::back_inserter(body), R"("{}":0,)", i);
  body.back() = '}';
  JsonDocument document;
  const auto root = document.Parse(body);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(MessageOf(JsonFields::Of(*root, "the body").status()),
            "the body: must have at most 64 fields");
  EXPECT_EQ(MessageOf(JsonTags(*root).status()), "tags: at most 64");
}

TEST(JsonReaderTest, IntegersBeyond64BitsAreDoubles) {
  JsonDocument document;
  const auto number = [&document](std::string body) {
    const auto root = document.Parse(body);
    return root.ok() ? simdjson::minify(*root) : std::string(MessageOf(root.status()));
  };
  EXPECT_EQ(number("123456789012345678901234567890"), "1.2345678901234568e+29");
  EXPECT_EQ(number("[-123456789012345678901,18446744073709551616,-9223372036854775809]"),
            "[-1.2345678901234568e+20,1.8446744073709552e+19,-9.223372036854776e+18]");
  // The others keep their digits, and texts their text.
  EXPECT_EQ(
      number(R"({"a\"123456789012345678901":"123456789012345678901\\","b":[18446744073709551615,)"
             R"(-9223372036854775808,1e25,99999999999999999999]})"),
      R"({"a\"123456789012345678901":"123456789012345678901\\","b":[18446744073709551615,)"
      R"(-9223372036854775808,1e+25,1e+20]})");
  for (const char* body :
       {"0123456789012345678901", "--12345678901234567890123", "12345678901234567890123x",
        "[12345678901234567890123", "1e999", "\"12345678901234567890123"}) {
    EXPECT_EQ(number(body).substr(0, 14), "malformed JSON") << body;
  }
  EXPECT_EQ(number(std::string(400, '9')).substr(0, 14), "malformed JSON");
}

TEST(JsonReaderTest, MalformedText) {
  JsonDocument document;
  for (std::string body :
       {"", "{", "{}x", "{\"a\":tru}", "\"\\ud800\"", "\"\xFF\"", "1e999", "[1,]"}) {
    EXPECT_EQ(document.Parse(body).status().code(), StatusCode::kInvalidArgument) << body;
  }
  std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_FALSE(document.Parse(deep).ok());
}

}  // namespace
}  // namespace varve::server
