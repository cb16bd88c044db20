#include "server/core/error_report.h"

#include <gtest/gtest.h>

namespace varve::server {
namespace {

TEST(ErrorReportTest, HttpStatusSaysWhatTheClientCanDo) {
  const auto of_state = [](SqlState state) { return HttpStatusOf(SqlError(state, "x")); };
  EXPECT_EQ(of_state(sqlstate::kConfigurationLimitExceeded), 429u);
  EXPECT_EQ(of_state(sqlstate::kStatementTooComplex), 400u);  // waiting does not help
  EXPECT_EQ(of_state(sqlstate::kDiskFull), 503u);
  EXPECT_EQ(of_state(sqlstate::kTooManyConnections), 503u);
  EXPECT_EQ(of_state(sqlstate::kAdminShutdown), 503u);
  EXPECT_EQ(of_state(sqlstate::kConnectionFailure), 503u);
  EXPECT_EQ(of_state(sqlstate::kIoError), 503u);
  EXPECT_EQ(of_state(sqlstate::kInternalError), 500u);
  EXPECT_EQ(of_state(sqlstate::kDataCorrupted), 500u);
  EXPECT_EQ(of_state(sqlstate::kUndefinedTable), 404u);
  EXPECT_EQ(of_state(sqlstate::kUndefinedColumn), 404u);
  EXPECT_EQ(of_state(sqlstate::kUndefinedFunction), 404u);
  EXPECT_EQ(of_state(sqlstate::kUndefinedObject), 404u);
  EXPECT_EQ(of_state(sqlstate::kQueryCanceled), 400u);
  EXPECT_EQ(of_state(sqlstate::kSyntaxError), 400u);
  // Of those that name no SQLSTATE.
  EXPECT_EQ(HttpStatusOf(InvalidArgument("x")), 400u);
  EXPECT_EQ(HttpStatusOf(NotFound("x")), 404u);
  EXPECT_EQ(HttpStatusOf(ResourceExhausted("x")), 429u);
  EXPECT_EQ(HttpStatusOf(Unavailable("x")), 503u);
  EXPECT_EQ(HttpStatusOf(Internal("x")), 500u);
  EXPECT_EQ(HttpStatusOf(DataLoss("x")), 500u);
}

}  // namespace
}  // namespace varve::server
