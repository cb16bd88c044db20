#include "server/http/url_parameters.h"

#include <gtest/gtest.h>

namespace varve::server {
namespace {

TEST(UrlParametersTest, NumbersAreWholeAndWithinTheirBounds) {
  EXPECT_EQ(NumberOf("x", "-5", INT64_MIN, INT64_MAX).value(), -5);
  EXPECT_EQ(NumberOf("x", "9223372036854775807", 0, INT64_MAX).value(), INT64_MAX);
  for (const char* bad :
       {"", " 1", "1 ", "+1", "1.5", "x", "0x1", "9223372036854775808", "0", "11"}) {
    EXPECT_EQ(MessageOf(NumberOf("x", bad, 1, 10).status()),
              fmt::format("x: must be a whole number from 1 to 10: \"{}\"", bad));
  }
}

TEST(UrlParametersTest, AParameterIsThereOnceOrNot) {
  const Parameters parameters = {{"a", "1"}, {"b", "2"}, {"b", "3"}, {"c", ""}};
  EXPECT_EQ(NumberOf(parameters, "a", 0, 9).value(), 1);
  EXPECT_EQ(NumberOf(parameters, "d", 0, 9).value(), std::nullopt);
  EXPECT_EQ(MessageOf(NumberOf(parameters, "b", 0, 9).status()), "b: is there twice");
  EXPECT_FALSE(NumberOf(parameters, "c", 0, 9).ok());
  EXPECT_EQ(ValueOf(parameters, "b"), "2");
  EXPECT_EQ(ValueOf(parameters, "d"), "");
}

TEST(UrlParametersTest, MetricIds) {
  EXPECT_EQ(MetricIdOf("4294967295").value(), ring::MetricId(4294967295u));
  for (const char* bad : {"0", "-1", "4294967296", "x", ""})
    EXPECT_FALSE(MetricIdOf(bad).ok()) << bad;
}

}  // namespace
}  // namespace varve::server
