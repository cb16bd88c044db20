#include "engine/percentile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "engine/testing/dialect_fixture.h"

namespace varve::engine {
namespace {

std::string Bytes(const PercentileSketch& sketch) {
  std::string bytes;
  sketch.AppendTo(bytes);
  return bytes;
}

TEST(PercentileSketchTest, AnswersWithinTheErrorItPromises) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> values(10, 2);
  std::vector<double> all;
  PercentileSketch sketch;
  for (int i = 0; i < 20000; ++i) {
    all.push_back(values(random) * (i % 3 == 0 ? -1 : 1));
    sketch.Add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = all[static_cast<size_t>(share * static_cast<double>(all.size() - 1))];
    // Two signs of 7 orders of magnitude make it join once or twice.
    EXPECT_NEAR(sketch.Percentile(share), exact, std::abs(exact) * 0.021) << share;
  }
}

TEST(PercentileSketchTest, MergingInAnyOrderGivesTheSameBytes) {
  std::vector<PercentileSketch> parts(5);
  PercentileSketch whole;
  for (int i = 1; i <= 10000; ++i) {
    const double value = std::pow(1.01, i % 4000) * (i % 2 == 0 ? 1 : -1);
    whole.Add(value);
    parts[static_cast<size_t>(i) % parts.size()].Add(value);
  }
  PercentileSketch forward;
  PercentileSketch backward;
  for (size_t i = 0; i < parts.size(); ++i) {
    forward.Merge(parts[i]);
    backward.Merge(parts[parts.size() - 1 - i]);
  }
  EXPECT_EQ(Bytes(forward), Bytes(whole));
  EXPECT_EQ(Bytes(backward), Bytes(whole));
  EXPECT_EQ(whole.count(), 10000u);
}

TEST(PercentileSketchTest, StandsTheEndsOfDoubles) {
  PercentileSketch sketch;
  for (const double value :
       {std::numeric_limits<double>::max(), -std::numeric_limits<double>::max(),
        std::numeric_limits<double>::infinity(), 0.0, std::numeric_limits<double>::denorm_min(),
        std::numeric_limits<double>::quiet_NaN(), 1e-300, -1e-300}) {
    sketch.Add(value);
  }
  EXPECT_EQ(sketch.count(), 7u);
  EXPECT_EQ(sketch.Percentile(0), -std::numeric_limits<double>::max());
  EXPECT_EQ(sketch.Percentile(1), std::numeric_limits<double>::max());
}

TEST(PercentileSketchTest, ReadsBackWhatItWroteAndNothingElse) {
  PercentileSketch sketch;
  for (int i = -50; i < 100; ++i) sketch.Add(i);
  const std::string bytes = Bytes(sketch);
  auto read = PercentileSketch::Parse(bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(Bytes(*read), bytes);
  EXPECT_EQ(read->count(), sketch.count());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(PercentileSketch::Parse(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(PercentileSketch::Parse(bytes + "x").ok());
}

class PercentileTest : public DialectTest {};

TEST_F(PercentileTest, SqlFunctions) {
  EXPECT_EQ(
      Answer("SELECT abs(approx_percentile(0.5, percentile_agg(i)) - 5000) < 50, "
             "abs(approx_percentile(0.99, percentile_agg(-i)) + 100) < 2 FROM range(10000) r(i)"),
      "true|true");
  EXPECT_EQ(
      Answer("SELECT approx_percentile(0.5, percentile_agg(i)) FROM range(9) r(i) WHERE i > 9"),
      "NULL");
  EXPECT_EQ(Answer("SELECT approx_percentile(1.5, percentile_agg(i)) FROM range(9) r(i)"), "22023");
  EXPECT_EQ(Answer("SELECT approx_percentile(0.5, 'abc'::bytea)"), "22023");
  EXPECT_EQ(Types("SELECT approx_count_distinct(1)"), "BIGINT");
}

}  // namespace
}  // namespace varve::engine
