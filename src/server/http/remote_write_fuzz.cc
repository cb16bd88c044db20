// Feeds any bytes to the remote-write reader. What it returns is within the bounds that the ring
// writer is promised.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "server/http/remote_write.h"

using namespace varve;          // NOLINT(google-build-using-namespace)
using namespace varve::server;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto write = DecodeRemoteWrite({reinterpret_cast<const char*>(data), size});
  if (!write.ok()) return 0;
  VARVE_CHECK((write->refused == 0) == write->refusal.empty());
  for (const ingest::SampleInput& sample : write->batch.Inputs({})) {
    VARVE_CHECK(!sample.name.empty() && sample.name.size() <= ring::kNameBytesMax);
    VARVE_CHECK(sample.tags.size() <= ring::kTagsMax);
    for (const ingest::TagInput& tag : sample.tags) {
      VARVE_CHECK(!tag.key.empty() && tag.key.size() <= ring::kTagKeyBytesMax);
      VARVE_CHECK(!tag.value.empty() && tag.value.size() <= ring::kTagValueBytesMax);
    }
    VARVE_CHECK(sample.ts >= 0 && sample.ts <= kFeedSecondsMax && std::isfinite(sample.value));
  }
  return 0;
}
