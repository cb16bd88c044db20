// Takes samples from clients, makes new metrics on the way, and acknowledges what is durable.
//
// Role:     server/http, the host collector -> [RingWriter] -> log::Log -> RingStore::Apply.
// Limits:   a request is in one log record; those that make metrics, and those to a metric that is
//           getting another shape, wait in a queue of bounded size (53400).
// Errors:   of one request, all or nothing: InvalidArgument (HTTP 400) for a sample that names no
//           metric, contradicts its metric, or has a value or time out of range, worded for the
//           client; NotFound for an unknown id; 53100 no room on the disk; 54000 too many metrics;
//           the log's own.
// Threads:  safe. WriteAsync does not wait for the log's sync, but it may for the file system to
//           give a ring's pages their room, and for room in the log's queue; TryWriteAsync waits
//           for neither. `done` runs on the log's thread, or the writer's, or the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "log/log.h"
#include "ring/ring_store.h"

namespace varve::ingest {

// What waits for the writer's thread: requests that make metrics, drops and changes of shape.
inline constexpr size_t kRingQueueRequestsMax = 10'000;
inline constexpr size_t kRingQueueBytesMax = 64u << 20;
// Requests that make metrics go into one record up to here, so that one sync makes many metrics.
inline constexpr size_t kRingRoundSamplesMax = 100'000;

using TagInput = ring::TagView;

// One sample as a client sent it. What is not given is not compared with what the metric has; a
// metric that is new gets the defaults. The views need to live until WriteAsync returns.
struct SampleInput {
  std::optional<ring::MetricId> metric;  // else name and tags say which
  std::string_view name;                 // empty: not given
  std::span<const TagInput> tags;        // any order
  std::optional<ring::MetricType> type;
  std::optional<uint32_t> step_seconds;
  std::optional<uint32_t> slots;
  // Type, step and slots are wishes for a metric that is new: what a known one has is not compared
  // with them. For feeds whose senders would repeat a refused request forever.
  bool shape_if_new = false;
  int64_t ts = 0;
  double value = 0;
};

struct RingWritten {
  std::vector<ring::MetricId> metrics;  // of each sample, in the order of the request
  uint64_t accepted = 0;
  uint64_t stale = 0;
};

struct RingDefaults {
  ring::RingShape shape;  // --ring-default-step, --ring-default-slots
};

// When a checkpoint of the rings is worth its price before its time has come.
struct CheckpointHint {
  uint64_t logged_bytes = UINT64_MAX;  // of changes of rings since the last call
  std::function<void()> due;           // quick; on the log's thread
};

class RingWriter {
 public:
  // `log` and `rings` outlive the writer, and `rings` the log, which answers what it has when it
  // goes.
  static std::unique_ptr<RingWriter> Create(log::Log& log, ring::RingStore& rings,
                                            const RingDefaults& defaults,
                                            const CheckpointHint& hint = {});
  // Refuses what still waits in the queue. No call may run or start then.
  virtual ~RingWriter() = default;

  virtual void WriteAsync(std::span<const SampleInput> samples,
                          std::function<void(Result<RingWritten>)> done) = 0;
  // The same for a thread that must not be held up. False when it would be: nothing has happened
  // then and `done` will not be called; another thread may call WriteAsync.
  virtual bool TryWriteAsync(std::span<const SampleInput> samples,
                             std::function<void(Result<RingWritten>)> done) = 0;
  // Both wait until the change is durable. NotFound: no such metric.
  virtual Status Drop(ring::MetricId id) = 0;
  // Keeps of the old samples what fits, as if they had been written into the new ring in the order
  // of their time. InvalidArgument for a counter or a shape out of range.
  virtual Status Reshape(ring::MetricId id, ring::RingShape shape) = 0;
};

}  // namespace varve::ingest
