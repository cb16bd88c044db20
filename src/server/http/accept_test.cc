#include "server/http/accept.h"

#include <gtest/gtest.h>

namespace varve::server {
namespace {

TEST(AcceptTest, QualityOfItems) {
  EXPECT_EQ(QualityOf("text/plain;q=0.5, application/json", "text/plain"), 0.5);
  EXPECT_EQ(QualityOf("text/plain; version=0.0.4 ; Q=0.25", "text/plain"), 0.25);
  EXPECT_EQ(QualityOf("text/plain;q=x", "text/plain"), 0);
  EXPECT_EQ(QualityOf("text/html", "text/plain"), -1);
  EXPECT_TRUE(AcceptsGzip("br, gzip;q=0.1"));
  EXPECT_TRUE(AcceptsGzip("*"));
  EXPECT_FALSE(AcceptsGzip("gzip;q=0, *"));
  EXPECT_FALSE(AcceptsGzip(""));
}

}  // namespace
}  // namespace varve::server
