// Keeps one fixed-size ring of samples per metric in memory-mapped slab files, and the registry of
// metrics.
//
// Role:     ingest (RingWriter, replay) -> log -> [RingStore::Apply]; engine, server/http -> reads.
//           The log is the truth: what was applied after the last checkpoint is replayed from it.
// Layout:   dir/ (rings/ of the data folder): slab files and checkpoints; docs/formats/ring.md.
// Units:    whole seconds; a ring takes slots x 16 bytes of disk once it was written all around.
// Limits:   metrics_max metrics, of about 500 bytes of memory each with four tags. Slabs are
//           mapped: the system keeps of them in memory what it has room for.
// Rules:    of two samples of one slot the newer window stays; of one window, the last one applied;
//           an older one is counted as stale and dropped.
// Errors:   53100 when the disk has no room for the pages that a change needs: from Reserve, before
//           anything is logged. DataLoss from Open for a checkpoint that is not whole.
// Threads:  reads are safe from any thread. Apply and Checkpoint each have one caller at a time and
//           may run beside each other and beside reads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/file.h"
#include "model/ids.h"
#include "ring/metric.h"
#include "ring/ring_change.h"

namespace varve::ring {

struct RingOptions {
  std::string dir;
  size_t metrics_max = 1'000'000;
  uint64_t slab_bytes_max = 256ull
                            << 20;  // of a new slab file; one with a single ring may be larger
};

// Which metrics: all conditions together; an empty selector takes every metric.
struct Selector {
  std::optional<std::string> name;
  std::vector<Tag> tags;
};

struct Applied {
  uint64_t accepted = 0;  // newer than, or of the same window as, what the slot held
  uint64_t stale = 0;     // older, or of a metric that was dropped meanwhile
};

// Many look-ups under one lock, without copies. What it gives is valid until the callback returns.
class MetricFinder {
 public:
  virtual ~MetricFinder() = default;
  // nullptr: no such metric. `tags` ascend by key.
  virtual const Metric* Find(MetricId id) const = 0;
  virtual const Metric* Find(std::string_view name, std::span<const TagView> tags) const = 0;
};

class RingStore {
 public:
  static Result<std::unique_ptr<RingStore>> Open(io::FileSystem& files, const RingOptions& options);
  virtual ~RingStore() = default;

  // Reads. A batch that was applied is seen whole or not at all by one call.

  // nullptr: no such metric. `tags` ascend by key.
  virtual MetricRef Find(MetricId id) const = 0;
  virtual MetricRef Find(std::string_view name, std::span<const Tag> tags) const = 0;
  // For the hot path of ingest. `use` must be short and must not call the store: changes wait.
  virtual void WithMetrics(const std::function<void(const MetricFinder&)>& use) const = 0;
  virtual std::vector<MetricRef> All() const = 0;  // ascending by id
  // At most `limit`, ascending by id.
  virtual std::vector<MetricRef> Lookup(const Selector& selector, size_t limit) const = 0;
  virtual std::vector<std::string> Names() const = 0;  // ascending
  // The values of each tag key, ascending, of all metrics or of those with that name.
  virtual std::map<std::string, std::vector<std::string>> TagValues(
      std::optional<std::string_view> name) const = 0;
  // Appends the points of [start, end] ascending by ts. NotFound: no such metric.
  virtual Status Read(MetricId id, SecondsRange range, std::vector<Point>& out) const = 0;

  // Before logging: makes sure that the disk has room for what `change` will write, so that Apply
  // cannot fail. 53100 when it has not, 54000 above metrics_max; nothing has changed then. Safe
  // from any thread, but of changes that create or reshape one at a time: the next Reserve of such
  // a change takes back what an earlier one got and Apply did not use.
  // Samples of a metric must not be reserved before a change of its shape and applied behind it:
  // the new ring may have no room for them.
  virtual Status Reserve(const RingChange& change) = 0;
  // For samples alone, without the disk: true when they have their room already, as if Reserve had
  // returned OK.
  virtual bool TryReserve(const RingChange& change) const = 0;
  // The next id to give; each one given must be in a change that is committed, or is lost.
  virtual MetricId TakeId() = 0;

  // Makes a durable change visible; called in Lsn order. During replay a change that the checkpoint
  // already has is skipped. A change that contradicts the registry is DataLoss, and leaves nothing
  // behind. After any other error (53100 for a change that was not reserved) the process must stop.
  virtual Result<Applied> Apply(Lsn lsn, const RingChange& change) = 0;

  // Makes everything applied so far durable here, and frees the space of dropped rings. Without
  // changes since the last one it does nothing. After a failure the next one makes up for it; but
  // after a slab's sync has failed every later one fails the same way: the log keeps what is
  // needed.
  virtual Status Checkpoint() = 0;
  // Records up to here are not needed from the log, when the log is durable up to `durable` and all
  // of that was applied.
  virtual Lsn CheckpointedThrough(Lsn durable) const = 0;
  // Of the last checkpoint: the log must not give out this one again.
  virtual Lsn checkpoint_lsn() const = 0;

  struct Telemetry {
    size_t metrics = 0;
    uint64_t ring_bytes = 0;  // metrics x slots x 16
    uint64_t slab_files = 0;
    uint64_t stale_samples = 0;  // since the start, as the next one
    uint64_t samples = 0;
    uint64_t checkpoints = 0;
    Lsn applied;
    Lsn checkpointed;
  };
  virtual Telemetry telemetry() const = 0;
};

}  // namespace varve::ring
