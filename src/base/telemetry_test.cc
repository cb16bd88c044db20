#include "base/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace varve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TelemetryTest, PrintsCountersAndGauges) {
  Telemetry telemetry;
  telemetry.GetCounter("varve_rows_total", "Rows.", "kind=\"insert\"").Add(3);
  telemetry.GetCounter("varve_rows_total", "Rows.", "kind=\"insert\"").Add(2);
  telemetry.SetGauge("varve_buffer_bytes", "Bytes.", [] { return 42.0; });
  const std::string text = telemetry.PrometheusText();
  EXPECT_THAT(text,
              HasSubstr("# TYPE varve_rows_total counter\nvarve_rows_total{kind=\"insert\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE varve_buffer_bytes gauge\nvarve_buffer_bytes 42\n"));
  telemetry.ClearGauges();
  EXPECT_THAT(telemetry.PrometheusText(), Not(HasSubstr("varve_buffer_bytes")));
}

TEST(TelemetryTest, OpenMetricsNamesACounterWithoutItsSuffixAndEnds) {
  Telemetry telemetry;
  telemetry.GetCounter("varve_rows_total", "Rows.", "kind=\"insert\"").Add(3);
  telemetry.SetGauge("varve_buffer_bytes", "Bytes.", [] { return 42.0; });
  EXPECT_EQ(telemetry.OpenMetricsText(),
            "# HELP varve_buffer_bytes Bytes.\n# TYPE varve_buffer_bytes gauge\n"
            "varve_buffer_bytes 42\n"
            "# HELP varve_rows Rows.\n# TYPE varve_rows counter\n"
            "varve_rows_total{kind=\"insert\"} 3\n# EOF\n");
}

}  // namespace
}  // namespace varve
