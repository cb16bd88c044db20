// Hands samples to the ring writer as the thread that has them may: waiting or not.
#pragma once

#include <functional>
#include <span>
#include <utility>

#include "ingest/ring_writer.h"
#include "server/http/http_router.h"

namespace varve::server {

// As an AsyncHandler returns: false when it would have to wait and may not; `done` is not called
// then.
inline bool WriteSamples(ingest::RingWriter& writer, std::span<const ingest::SampleInput> samples,
                         MayWait may_wait, std::function<void(Result<ingest::RingWritten>)> done) {
  if (may_wait == MayWait::kNo) return writer.TryWriteAsync(samples, std::move(done));
  writer.WriteAsync(samples, std::move(done));
  return true;
}

}  // namespace varve::server
