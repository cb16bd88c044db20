#include "base/json_string.h"

#include <gtest/gtest.h>

namespace varve {
namespace {

TEST(JsonStringTest, EscapesWhatMustBe) {
  EXPECT_EQ(JsonString(""), R"("")");
  EXPECT_EQ(JsonString("plain /text"), R"("plain /text")");
  EXPECT_EQ(JsonString("a\"b\\c\n\r\t\x01\x7F."), R"("a\"b\\c\n\r\t\u0001\u007f.")");
  EXPECT_EQ(JsonString(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonStringTest, TheResultIsAlwaysUtf8) {
  EXPECT_EQ(JsonString("aü€\U0001F600z"), "\"aü€\U0001F600z\"");
  EXPECT_EQ(JsonString("a\xFFz"), "\"a\uFFFDz\"");
  EXPECT_EQ(JsonString("\xC0\x80"), "\"\uFFFD\uFFFD\"");            // longer than needed
  EXPECT_EQ(JsonString("\xED\xA0\x80").size(), 2 + 3 * 3u);         // a surrogate
  EXPECT_EQ(JsonString("\xF4\x90\x80\x80").size(), 2 + 4 * 3u);     // above U+10FFFF
  EXPECT_EQ(JsonString("\xF0\x9F\x98"), "\"\uFFFD\uFFFD\uFFFD\"");  // cut off
}

}  // namespace
}  // namespace varve
