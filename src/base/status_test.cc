#include "base/status.h"

#include <gtest/gtest.h>

namespace varve {
namespace {

TEST(StatusTest, SqlErrorCarriesItsStateAndImpliesACode) {
  const Status status = SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist", "t");
  EXPECT_EQ(SqlStateOf(status), "42P01");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(status), "relation \"t\" does not exist");
}

TEST(StatusTest, PlainErrorsImplyAState) {
  EXPECT_EQ(SqlStateOf(Internal("x")), "XX000");
  EXPECT_EQ(SqlStateOf(DataLoss("x")), "XX001");
  EXPECT_EQ(SqlStateOf(OkStatus()), "00000");
}

TEST(StatusTest, AnnotateKeepsStateAndFields) {
  Status status = WithHint(WithPosition(SqlError(sqlstate::kSyntaxError, "bad"), 17), "mend it");
  status = Annotate(status, "line 3");
  EXPECT_EQ(MessageOf(status), "line 3: bad");
  EXPECT_EQ(SqlStateOf(status), "42601");
  EXPECT_EQ(PositionOf(status), 17u);
  EXPECT_EQ(HintOf(status), "mend it");
  EXPECT_EQ(DetailOf(status), std::nullopt);
}

Result<int> Half(int x) {
  if (x % 2 != 0) return InvalidArgument("odd: {}", x);
  return x / 2;
}

Result<int> Quarter(int x) {
  VARVE_ASSIGN_OR_RETURN(const int half, Half(x));
  return Half(half);
}

TEST(StatusTest, AssignOrReturnPassesTheErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(MessageOf(Quarter(6).status()), "odd: 3");
}

}  // namespace
}  // namespace varve
