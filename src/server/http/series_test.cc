#include "server/http/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace varve::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Rows = std::vector<SeriesRow>;

TEST(SeriesTest, AveragesByBucketsOfFloor) {
  const std::vector<ring::Point> points = {{-11, 1}, {-10, 2}, {-1, 4}, {0, 10}, {9, 20}, {30, 5}};
  EXPECT_EQ(BucketAverages(points, 10), (Rows{{-20, 1.0}, {-10, 3.0}, {0, 15.0}, {30, 5.0}}));
  EXPECT_THAT(BucketAverages({}, 10), IsEmpty());
  EXPECT_EQ(BucketAverages(points, INT64_MAX).size(), 2u);
}

TEST(SeriesTest, LargeValuesDoNotOverflow) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const std::vector<ring::Point> points = {{0, kMax}, {1, kMax}, {2, kMax}};
  EXPECT_EQ(BucketAverages(points, 10), (Rows{{0, kMax}}));
}

TEST(SeriesTest, RatesBetweenLargestValues) {
  const std::vector<ring::Point> points = {{0, 5}, {5, 10}, {10, 30}, {15, 20}, {40, 90}};
  EXPECT_EQ(CounterRates(points, 10), (Rows{{0, std::nullopt}, {10, 2.0}, {40, 2.0}}));
}

TEST(SeriesTest, AResetHasNoRate) {
  const std::vector<ring::Point> points = {{0, 100}, {10, 3}, {20, 3}, {30, 23}};
  EXPECT_EQ(CounterRates(points, 10),
            (Rows{{0, std::nullopt}, {10, std::nullopt}, {20, 0.0}, {30, 2.0}}));
}

}  // namespace
}  // namespace varve::server
