#include "server/http/query_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/testing/rings_for_test.h"

namespace varve::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PlaceholdersTest, AreFilled) {
  const QueryAliases aliases = {{"S1", {ring::MetricId(7)}},
                                {"many", {ring::MetricId(1), ring::MetricId(2)}}};
  EXPECT_EQ(FillPlaceholders("x = {{S1}} OR {{ S1 }}", aliases).value(), "x = 7 OR 7");
  EXPECT_EQ(FillPlaceholders("'{{}}' {{1}} {{ a b }} {{", aliases).value(),
            "'{{}}' {{1}} {{ a b }} {{");
  EXPECT_FALSE(FillPlaceholders("{{other}}", aliases).ok());
  EXPECT_FALSE(FillPlaceholders("{{many}}", aliases).ok());
  EXPECT_EQ(FillPlaceholders("{{{S1}}} {{S1", aliases).value(), "{7} {{S1");
}

TEST(PlaceholdersTest, AMillionBracesAreLookedThroughAtOnce) {
  const QueryAliases aliases = {{"S1", {ring::MetricId(7)}}};
  const std::string braces(10'000'000, '{');
  EXPECT_EQ(FillPlaceholders(braces + "S1 }}", aliases).value(), braces.substr(2) + "7");
  EXPECT_EQ(FillPlaceholders(braces + " }}", aliases).value(), braces + " }}");
}

class QueryRequestTest : public ::testing::Test {
 protected:
  QueryRequestTest() {
    for (uint32_t id = 1; id <= 3; ++id) {
      rings_.Add({ring::MetricId(id), "cpu", {{"host", std::string(1, "abc"[id - 1])}}, {}, {}},
                 {});
    }
  }

  Result<QueryRequest> Read(std::string rest) {
    std::string body = R"({"start_ts":1,"end_ts":2,)" + rest + "}";
    return ReadQueryRequest(body, rings_);
  }
  std::string Refusal(const std::string& rest) {
    return std::string(MessageOf(Read(rest).status()));
  }

  engine::RingsForTest rings_;
};

TEST_F(QueryRequestTest, GathersMetricsOnceAndFillsAliases) {
  const auto request =
      Read(R"("metric_ids":[3,1,3],"selectors":[{"metric":"cpu","tags":{"host":"a"}},)"
           R"({"metric":"cpu","tags":{"host":"b"},"alias":"b"}],"sql":"{{S1}} {{b}}")");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->metrics,
              ElementsAre(ring::MetricId(1), ring::MetricId(2), ring::MetricId(3)));
  EXPECT_EQ(request->sql, "1 2");
  EXPECT_EQ(request->range.end, 2);
}

TEST_F(QueryRequestTest, Refusals) {
  EXPECT_THAT(Refusal(R"("sql":"x")"), HasSubstr("metric_ids or selectors: required"));
  EXPECT_EQ(Read(R"("metric_ids":[4],"sql":"x")").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Refusal(R"("selectors":[{"metric":"mem"}],"sql":"x")"),
              HasSubstr("matches no metric"));
  EXPECT_THAT(Refusal(R"("selectors":[{"metric":"cpu"}],"sql":"{{S1}}")"), HasSubstr("3 metrics"));
  const std::string long_alias(kAliasBytesMax + 1, 'a');
  EXPECT_THAT(Refusal(R"("selectors":[{"metric":"cpu","alias":")" + long_alias + R"("}],"sql":"")"),
              HasSubstr("alias: must be"));
}

TEST_F(QueryRequestTest, SqlIsBounded) {
  const std::string most(kQuerySqlBytesMax, 'x');
  EXPECT_TRUE(Read(R"("metric_ids":[1],"sql":")" + most + '"').ok());
  const Status status = Read(R"("metric_ids":[1],"sql":")" + most + "x\"").status();
  EXPECT_EQ(SqlStateOf(status), sqlstate::kStatementTooComplex);
}

}  // namespace
}  // namespace varve::server
