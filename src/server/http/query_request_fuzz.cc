// Feeds any bytes to the reader of /query. What it takes is within the bounds that the call relies
// on, and what it refuses is the client's to mend.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "engine/testing/rings_for_test.h"
#include "server/core/error_report.h"
#include "server/http/query_request.h"

using namespace varve;          // NOLINT(google-build-using-namespace)
using namespace varve::server;  // NOLINT(google-build-using-namespace)

namespace {

const engine::RingsForTest& Rings() {
  static const engine::RingsForTest* rings = [] {
    auto* made = new engine::RingsForTest;
    made->Add({ring::MetricId(1), "a", {}, {}, {}}, {});
    made->Add({ring::MetricId(2), "a", {{"k", "v"}}, {}, {}}, {});
    return made;
  }();
  return *rings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filled = FillPlaceholders(text, {{"S1", {ring::MetricId(7)}}});
  VARVE_CHECK(!filled.ok() || filled->size() <= size);  // {{S1}} becomes one digit
  std::string body(text);
  const auto request = ReadQueryRequest(body, Rings());
  if (!request.ok()) {
    const unsigned status = HttpStatusOf(request.status());
    VARVE_CHECK(status == 400 || status == 404);
    return 0;
  }
  VARVE_CHECK(!request->metrics.empty() && request->metrics.size() <= kQueryMetricsMax);
  VARVE_CHECK(std::is_sorted(request->metrics.begin(), request->metrics.end()));
  VARVE_CHECK(request->range.start <= request->range.end);
  VARVE_CHECK(request->sql.size() <= kQuerySqlBytesMax);
  return 0;
}
