// Puts a metric's definition into bytes: in log records and in the registry file.
//
// Layout:   docs/formats/ring.md, "Metric".
// Errors:   DataLoss for bytes that are no metric within the limits of metric.h.
#pragma once

#include <string>

#include "base/bytes.h"
#include "ring/metric.h"

namespace varve::ring {

void AppendMetric(const Metric& metric, std::string& out);
// How many bytes that appends.
uint64_t MetricBytes(const Metric& metric);
Result<Metric> ReadMetric(ByteReader& in);

}  // namespace varve::ring
