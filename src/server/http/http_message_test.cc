#include "server/http/http_message.h"

#include <gtest/gtest.h>

namespace varve::server {
namespace {

bool HasRetryAfter(const HttpAnswer& answer) {
  for (const auto& [name, value] : answer.fields) {
    if (name == "Retry-After") return true;
  }
  return false;
}

TEST(HttpMessageTest, WhatWaitingMendsSaysWhenToTryAgain) {
  const HttpAnswer full = StatusAnswer(SqlError(sqlstate::kConfigurationLimitExceeded, "queue"));
  EXPECT_EQ(full.status, 429u);
  EXPECT_TRUE(HasRetryAfter(full));
  EXPECT_TRUE(HasRetryAfter(StatusAnswer(SqlError(sqlstate::kDiskFull, "disk"))));
  const HttpAnswer limit = StatusAnswer(SqlError(sqlstate::kStatementTooComplex, "metrics"));
  EXPECT_EQ(limit.status, 400u);
  EXPECT_EQ(limit.body, R"({"detail":"metrics"})");
  EXPECT_FALSE(HasRetryAfter(limit));
}

TEST(HttpMessageTest, AnInternalErrorIsNotShown) {
  const HttpAnswer answer = AnswerOf(Internal("/secret/path"));
  EXPECT_EQ(answer.status, 500u);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_NE(answer.body.find("request id"), std::string::npos);
}

TEST(HttpMessageTest, ABodyWithTooMuchInItIs413) {
  EXPECT_EQ(BodyAnswer(ResourceExhausted("samples")).status, 413u);
  EXPECT_FALSE(HasRetryAfter(BodyAnswer(ResourceExhausted("samples"))));
  EXPECT_EQ(BodyAnswer(InvalidArgument("x")).status, 400u);
}

TEST(HttpMessageTest, AStopRunsOnceAndAlsoLate) {
  HttpCall call;
  int stops = 0;
  call.OnDisconnect([&stops] { ++stops; });
  call.NoteDisconnect();
  call.NoteDisconnect();
  EXPECT_EQ(stops, 1);
  call.OnDisconnect([&stops] { ++stops; });
  EXPECT_EQ(stops, 2);
  HttpCall other;
  other.OnDisconnect([&stops] { ++stops; });
  other.OnDisconnect(nullptr);
  other.NoteDisconnect();
  EXPECT_EQ(stops, 2);
}

}  // namespace
}  // namespace varve::server
