// Feeds any bytes to the reader of JSON samples. What it returns is within the bounds that the ring
// writer is promised, and a second reading of the same text gives the same.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "server/http/sample_reader.h"

using namespace varve;          // NOLINT(google-build-using-namespace)
using namespace varve::server;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr SampleForm kForms[] = {SampleForm::kGauge, SampleForm::kCounter, SampleForm::kBatch};
  const SampleForm form = kForms[data[0] % 3];
  std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string same = body;
  static SampleReader reader;  // kept, as an io thread keeps its own
  const auto samples = reader.Read(form, body);
  if (!samples.ok()) {
    const StatusCode code = samples.status().code();
    VARVE_CHECK(code == StatusCode::kInvalidArgument || code == StatusCode::kResourceExhausted);
    return 0;
  }
  VARVE_CHECK(form == SampleForm::kBatch || samples->size() == 1);
  SampleReader fresh;
  const auto again = fresh.Read(form, same);
  VARVE_CHECK(again.ok() && again->size() == samples->size());
  for (size_t i = 0; i < samples->size(); ++i) {
    const ingest::SampleInput& sample = (*samples)[i];
    VARVE_CHECK(sample.metric || !sample.name.empty());
    VARVE_CHECK(std::isfinite(sample.value) && sample.name.find('\0') == sample.name.npos);
    VARVE_CHECK(sample.tags.size() <= ring::kTagsMax);
    VARVE_CHECK(sample.step_seconds.value_or(1) >= 1);
    VARVE_CHECK(sample.ts == (*again)[i].ts && sample.value == (*again)[i].value);
    VARVE_CHECK(sample.name == (*again)[i].name && sample.tags.size() == (*again)[i].tags.size());
  }
  return 0;
}
