// Feeds arbitrary bytes to what decodes a change of rings, a registry and a checkpoint.
//
// Random bytes never have the right checksum, so checksums and lengths are mended first.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "ring/checkpoint_file.h"
#include "ring/ring_change.h"

namespace varve::ring {
namespace {

void TryChange(std::string_view bytes) {
  const Result<RingChange> change = DecodeChange(bytes);
  if (!change.ok()) {
    VARVE_CHECK(change.status().code() == StatusCode::kDataLoss);
    return;
  }
  std::string again;
  EncodeChange(*change, again);
  VARVE_CHECK(again == bytes);
}

void TryHead(std::string bytes) {
  if (bytes.size() >= 48) {
    bytes.resize(48);
    PutLittle(bytes.data() + 44, Crc32c(std::string_view(bytes).substr(0, 44)));
  }
  const Result<CheckpointHead> head = DecodeHead("f", bytes);
  if (head.ok()) VARVE_CHECK(EncodeHead(*head) == bytes);
}

void TryRegistry(std::string_view bytes) {
  CheckpointHead head;
  head.next_metric = UINT32_MAX;
  head.registry = {1, bytes.size(), Crc32c(bytes)};
  uint32_t last = 0;
  const Status decoded = DecodeRegistry("f", head, bytes, [&](const PlacedMetric& placed) {
    VARVE_CHECK(placed.metric->id.value > last);
    VARVE_CHECK(CheckMetric(*placed.metric).ok());
    last = placed.metric->id.value;
    return OkStatus();
  });
  VARVE_CHECK(decoded.ok() || decoded.code() == StatusCode::kDataLoss);
}

}  // namespace
}  // namespace varve::ring

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  varve::ring::TryChange(bytes);
  varve::ring::TryHead("VRVC" + bytes);
  varve::ring::TryRegistry("VRVR" + bytes);
  return 0;
}
