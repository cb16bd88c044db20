#include "server/http/http_router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace varve::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HttpRouterTest : public ::testing::Test {
 protected:
  HttpRouterTest() {
    const auto none = [](const HttpCall&) { return HttpAnswer(); };
    router_.AddOpen(HttpVerb::get, "/metrics", none);
    router_.AddOpen(HttpVerb::get, "/metrics/names", none);
    router_.AddOpen(HttpVerb::delete_, "/metrics/{id}", none);
    router_.AddOpen(HttpVerb::get, "/metrics/{id}/series", none);
    router_.AddOpen(HttpVerb::get, "/ui/{file...}", none);
  }

  std::string PatternOf(HttpVerb verb, std::string_view path) {
    const HttpRouter::Match match = router_.Find(verb, path);
    return match.route == nullptr ? "" : match.route->pattern;
  }

  HttpRouter router_;
};

TEST_F(HttpRouterTest, PlainPathsGoBeforeNames) {
  EXPECT_EQ(PatternOf(HttpVerb::get, "/metrics"), "/metrics");
  EXPECT_EQ(PatternOf(HttpVerb::head, "/metrics/names"), "/metrics/names");
  EXPECT_EQ(PatternOf(HttpVerb::delete_, "/metrics/7"), "/metrics/{id}");
  EXPECT_EQ(PatternOf(HttpVerb::get, "/metrics/7/series"), "/metrics/{id}/series");
}

TEST_F(HttpRouterTest, NamesAreDecoded) {
  EXPECT_THAT(router_.Find(HttpVerb::delete_, "/metrics/a%2Fb+c").captured, ElementsAre("a/b+c"));
  EXPECT_THAT(router_.Find(HttpVerb::get, "/ui/a/b.js").captured, ElementsAre("a/b.js"));
  EXPECT_TRUE(router_.Find(HttpVerb::delete_, "/metrics/%2").bad_escape);
  EXPECT_TRUE(router_.Find(HttpVerb::delete_, "/metrics/%zz").bad_escape);
}

TEST_F(HttpRouterTest, UnknownPathsAndMethods) {
  for (const char* path :
       {"", "/", "/metric", "/metrics/", "/metrics/7/series/", "/metrics//x/y"}) {
    const HttpRouter::Match match = router_.Find(HttpVerb::get, path);
    EXPECT_EQ(match.route, nullptr) << path;
  }
  EXPECT_THAT(std::string(router_.Find(HttpVerb::get, "/nothing").allowed), IsEmpty());
  const HttpRouter::Match match = router_.Find(HttpVerb::post, "/metrics");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, "GET, HEAD, OPTIONS");
}

TEST(PercentDecodeTest, Escapes) {
  EXPECT_EQ(PercentDecode("a%20b+c", true), "a b c");
  EXPECT_EQ(PercentDecode("a%20b+c", false), "a b+c");
  EXPECT_EQ(PercentDecode("%", false), std::nullopt);
  EXPECT_EQ(PercentDecode("%4", false), std::nullopt);
}

}  // namespace
}  // namespace varve::server
