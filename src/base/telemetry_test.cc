#include "base/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace varve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TelemetryTest, PrintsCountersGaugesAndHistograms) {
  Telemetry telemetry;
  telemetry.GetCounter("varve_rows_total", "Rows.", "kind=\"insert\"").Add(3);
  telemetry.GetCounter("varve_rows_total", "Rows.", "kind=\"insert\"").Add(2);
  telemetry.SetGauge("varve_buffer_bytes", "Bytes.", [] { return 42.0; });
  telemetry.GetHistogram("varve_sync_seconds", "Syncs.").Observe(100);
  const std::string text = telemetry.PrometheusText();
  EXPECT_THAT(text,
              HasSubstr("# TYPE varve_rows_total counter\nvarve_rows_total{kind=\"insert\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE varve_buffer_bytes gauge\nvarve_buffer_bytes 42\n"));
  EXPECT_THAT(text, HasSubstr("varve_sync_seconds_bucket{le=\"6.4e-05\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("varve_sync_seconds_bucket{le=\"0.000128\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("varve_sync_seconds_count 1\n"));
  telemetry.ClearGauges();
  EXPECT_THAT(telemetry.PrometheusText(), Not(HasSubstr("varve_buffer_bytes")));
}

TEST(TelemetryTest, ADurationBeyondTheLastBucketIsStillCounted) {
  DurationHistogram histogram;
  histogram.Observe(int64_t{1} << 40);
  EXPECT_EQ(histogram.count(), 1u);
  for (int i = 0; i < DurationHistogram::kBuckets; ++i) EXPECT_EQ(histogram.bucket(i), 0u);
}

}  // namespace
}  // namespace varve
