#include "server/http/origin_guard.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "server/http/answer_for_test.h"

namespace varve::server {
namespace {

std::unique_ptr<HttpCall> Call(std::string_view host, std::string_view origin = "") {
  auto call = std::make_unique<HttpCall>();
  call->verb = HttpVerb::post;
  const auto set = [&call](HttpField field, std::string_view value) {
    if (!value.empty())
      call->header.set(field, boost::beast::string_view(value.data(), value.size()));
  };
  set(HttpField::host, host);
  set(HttpField::origin, origin);
  return call;
}

unsigned StatusOf(const OriginGuard& guard, std::string_view host, std::string_view origin = "") {
  const auto refused = guard.Check(*Call(host, origin));
  return refused ? refused->status : 200;
}

TEST(OriginGuardTest, AHostIsAnAddressOrNamed) {
  const OriginGuard guard("", "Varve.example, other.example");
  for (const char* host : {"", "localhost", "LOCALHOST:8000", "127.0.0.1", "10.0.0.7:1", "[::1]",
                           "[::1]:8000", "varve.example", "VARVE.EXAMPLE:80", "other.example"}) {
    EXPECT_EQ(StatusOf(guard, host), 200u) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:8000", "varve.example.evil.example", "localhost.evil.example",
        "127.0.0.1.evil.example", ":8000", "localhost@evil.example"}) {
    EXPECT_EQ(StatusOf(guard, host), 403u) << host;
  }
  // No host and port: also who lets any host in gets none of these.
  for (const char* host : {"[::1", "[", "[]", "[localhost]", "[::1].evil.example", "[::1]8000",
                           "[::1]:80x", "localhost:80@evil.example", "localhost:80:80", "::1"}) {
    EXPECT_EQ(StatusOf(guard, host), 400u) << host;
    EXPECT_EQ(StatusOf(OriginGuard("", "*"), host), 400u) << host;
  }
  EXPECT_EQ(StatusOf(OriginGuard("", "*"), "evil.example"), 200u);
}

TEST(OriginGuardTest, APageIsItsOwnOrNamed) {
  const OriginGuard guard("http://a.example, https://b.example:444", "");
  EXPECT_EQ(StatusOf(guard, "localhost:8000", "http://localhost:8000"), 200u);
  EXPECT_EQ(StatusOf(guard, "localhost:8000", "HTTP://LOCALHOST:8000"), 200u);
  EXPECT_EQ(StatusOf(guard, "localhost:8000", "http://a.example"), 200u);
  EXPECT_EQ(StatusOf(guard, "localhost:8000", "https://B.example:444"), 200u);
  for (const char* origin :
       {"http://localhost", "http://localhost:8001", "null", "http://b.example",
        "https://b.example", "http://a.example.evil.example", "a.example", "http://",
        "://localhost:8000x"}) {
    EXPECT_EQ(StatusOf(guard, "localhost:8000", origin), 403u) << origin;
  }
  EXPECT_EQ(StatusOf(OriginGuard("*", ""), "localhost", "http://evil.example"), 200u);
}

TEST(OriginGuardTest, MarksWhatAPageMayRead) {
  const OriginGuard guard("http://a.example", "");
  HttpAnswer answer;
  guard.Mark(*Call("localhost", "http://a.example"), answer);
  EXPECT_EQ(FieldOf(answer, "Access-Control-Allow-Origin"), "http://a.example");
  EXPECT_EQ(FieldOf(answer, "Vary"), "Origin");
  HttpAnswer to_other;
  guard.Mark(*Call("localhost"), to_other);
  EXPECT_EQ(FieldOf(to_other, "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(FieldOf(to_other, "Vary"), "Origin");  // a cache must not give it to a page
  HttpAnswer to_any;
  OriginGuard("*", "").Mark(*Call("localhost", "http://x.example"), to_any);
  EXPECT_EQ(FieldOf(to_any, "Access-Control-Allow-Origin"), "*");
  HttpAnswer plain;
  OriginGuard("", "").Mark(*Call("localhost", "http://localhost"), plain);
  EXPECT_TRUE(plain.fields.empty());
}

TEST(OriginGuardTest, AnswersPreflights) {
  const OriginGuard guard("http://a.example", "");
  auto call = Call("localhost", "http://a.example");
  EXPECT_FALSE(guard.Preflight(*call, "POST").has_value());
  call->verb = HttpVerb::options;
  EXPECT_FALSE(guard.Preflight(*call, "POST").has_value());
  call->header.set(HttpField::access_control_request_method, "POST");
  call->header.set(HttpField::access_control_request_headers, "content-type");
  const auto answer = guard.Preflight(*call, "POST, OPTIONS");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 204u);
  EXPECT_EQ(FieldOf(*answer, "Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(FieldOf(*answer, "Access-Control-Allow-Headers"), "content-type");
  call->verb = HttpVerb::post;
  EXPECT_FALSE(guard.Preflight(*call, "POST").has_value());
}

}  // namespace
}  // namespace varve::server
