#include "engine/decimal_division.h"

#include <gtest/gtest.h>

namespace varve::engine {
namespace {

int64_t Divided(Int128 value, Int128 divisor, int digits) {
  Int128 result = 0;
  EXPECT_TRUE(DivideRounded(value, divisor, digits, result));
  return static_cast<int64_t>(result);
}

TEST(DecimalDivisionTest, RoundsHalfAwayFromZero) {
  EXPECT_EQ(Divided(5, 2, 0), 3);
  EXPECT_EQ(Divided(-5, 2, 0), -3);
  EXPECT_EQ(Divided(5, -2, 0), -3);
  EXPECT_EQ(Divided(7, 3, 0), 2);
  EXPECT_EQ(Divided(1, 3, 4), 3333);
  EXPECT_EQ(Divided(2, 3, 4), 6667);
  EXPECT_EQ(Divided(0, 3, 4), 0);
}

TEST(DecimalDivisionTest, NegativeDigitsDivideFurther) {
  EXPECT_EQ(Divided(12350, 1, -2), 124);
  EXPECT_EQ(Divided(12349, 1, -2), 123);
  EXPECT_EQ(Divided(-12350, 1, -2), -124);
  EXPECT_EQ(Divided(5, 1, -30), 0);
  EXPECT_EQ(Divided(5, 1, -60), 0);
}

// value * 10^digits no longer fits 128 bits here, so the quotient is found digit by digit.
TEST(DecimalDivisionTest, LongDivisionIsExact) {
  Int128 result = 0;
  ASSERT_TRUE(DivideRounded(PowerOfTen(37), 7 * PowerOfTen(36), 15, result));
  EXPECT_EQ(static_cast<int64_t>(result), 1428571428571429);  // 10/7 with 15 digits
  ASSERT_TRUE(DivideRounded(2 * PowerOfTen(37), 3 * PowerOfTen(37), 16, result));
  EXPECT_EQ(static_cast<int64_t>(result), 6666666666666667);
  ASSERT_TRUE(DivideRounded(-PowerOfTen(37), 8 * PowerOfTen(37), 2, result));
  EXPECT_EQ(static_cast<int64_t>(result), -13);  // -0.125, half away from zero
}

TEST(DecimalDivisionTest, MoreThan38DigitsIsFalse) {
  Int128 result = 0;
  EXPECT_FALSE(DivideRounded(PowerOfTen(37), 1, 2, result));
  EXPECT_FALSE(DivideRounded(PowerOfTen(38) - 1, 1, 1, result));
  EXPECT_TRUE(DivideRounded(PowerOfTen(38) - 1, 1, 0, result));
  EXPECT_TRUE(result == PowerOfTen(38) - 1);
}

TEST(DecimalDivisionTest, HugeintsSurviveTheWay) {
  for (const Int128 value : {Int128{0}, Int128{-1}, PowerOfTen(38) - 1, -(PowerOfTen(38) - 1)}) {
    EXPECT_TRUE(ToInt128(ToHugeint(value)) == value);
  }
}

}  // namespace
}  // namespace varve::engine
