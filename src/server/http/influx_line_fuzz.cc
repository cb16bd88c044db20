// Feeds any text to the line-protocol reader. What it returns is within the bounds that the ring
// writer is promised, and lines read alone give what they give together.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "server/http/influx_line.h"

using namespace varve;          // NOLINT(google-build-using-namespace)
using namespace varve::server;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr InfluxPrecision kPrecisions[] = {{}, {1'000, 1}, {1, 1}, {1, 3600}};
  const InfluxPrecision precision = kPrecisions[data[0] % 4];
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto lines = DecodeInfluxLines(body, precision, 1'700'000'000);
  if (!lines.ok()) return 0;
  for (const ingest::SampleInput& sample : lines->batch.Inputs({})) {
    VARVE_CHECK(!sample.name.empty() && sample.name.size() <= ring::kNameBytesMax);
    VARVE_CHECK(sample.tags.size() <= ring::kTagsMax);
    for (const ingest::TagInput& tag : sample.tags) {
      VARVE_CHECK(!tag.key.empty() && tag.key.size() <= ring::kTagKeyBytesMax);
      VARVE_CHECK(!tag.value.empty() && tag.value.size() <= ring::kTagValueBytesMax);
    }
    VARVE_CHECK(sample.ts >= 0 && sample.ts <= kFeedSecondsMax && std::isfinite(sample.value));
  }
  const auto twice = DecodeInfluxLines(body + "\n" + body, precision, 1'700'000'000);
  VARVE_CHECK(twice.ok() && twice->batch.size() == 2 * lines->batch.size());
  VARVE_CHECK(twice->strings == 2 * lines->strings);
  return 0;
}
