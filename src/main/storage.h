// Opens and closes everything below the protocol servers, in the one order that is safe.
//
// Role:     Serve -> [Storage] -> data folder, definitions, lake, log, buffer, rings, flush,
//           engine.
// Order:    dashboards -> definitions -> Delta tables (how far are the files?), rings (how far does
//           their checkpoint reach?) -> log replay after that -> background jobs -> sessions.
//           Closing goes the other way, with a flush and a checkpoint before the log ends.
// Errors:   what stopped the start, naming the part. Nothing is changed by a failed start but what
//           recovery does anyway (a torn tail is cut off).
// Threads:  opened and closed by the main thread; the parts are safe in between.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "catalog/dashboards.h"
#include "config/options.h"
#include "engine/session.h"
#include "ingest/ring_writer.h"
#include "ring/ring_store.h"

namespace varve {

// Whether reads and writes are served, for /readyz. Starts as "starting".
class Readiness {
 public:
  void Set(Status status) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    status_ = std::move(status);
  }
  Status Get() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return status_;
  }

 private:
  mutable Mutex mu_;
  Status status_ VARVE_GUARDED_BY(mu_) = Unavailable("the server is starting");
};

class Storage {
 public:
  static Result<std::unique_ptr<Storage>> Open(const config::Options& options);
  ~Storage();

  engine::Engine& engine();
  ring::RingStore& rings();
  ingest::RingWriter& ring_writer();
  catalog::Dashboards& dashboards();
  const std::string& data_dir() const;
  // Whether the log and the disk have room for writes: 53100 when they have not. Does not wait.
  Status CheckWriteRoom() const;
  // From now on a flush gives up after so long, at the next of its files.
  void LimitFlushes(std::chrono::milliseconds limit);
  // Ends the background jobs and flushes what is buffered, for about `limit`; what cannot be
  // flushed stays in the log.
  void Close(std::chrono::milliseconds limit);

 private:
  struct Parts;
  explicit Storage(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace varve
