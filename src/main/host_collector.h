// Writes what the machine does into the rings, once a second.
//
// Role:     HostReader -> [HostCollector] -> ingest::RingWriter. Metrics: README.md; tag `host`.
// Limits:   one write at a time: a second in which the last one has not come back is left out.
// Errors:   logged once, and again after things went well in between.
// Threads:  made and destroyed by one thread; runs its own. The end waits for a read, not for the
//           answer to a write.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "ingest/ring_writer.h"
#include "main/host_reader.h"

namespace varve {

class HostCollector {
 public:
  // Does nothing before Start().
  HostCollector(HostReader reader, ingest::RingWriter& writer, Clock& clock);
  ~HostCollector();
  HostCollector(const HostCollector&) = delete;
  HostCollector& operator=(const HostCollector&) = delete;

  void Start();
  // Reads and writes once, with the time `ts` in seconds.
  void Collect(int64_t ts);

 private:
  // What the answer of a write needs, which may come after the collector has gone.
  struct State {
    Mutex mu;
    bool writing VARVE_GUARDED_BY(mu) = false;
    bool failing VARVE_GUARDED_BY(mu) = false;

    bool Begin() VARVE_EXCLUDES(mu);
    void End(const Status& result) VARVE_EXCLUDES(mu);
  };
  void Run() VARVE_EXCLUDES(mu_);

  HostReader reader_;
  ingest::RingWriter& writer_;
  Clock& clock_;
  const std::string host_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::vector<HostValue> values_;
  std::vector<ingest::SampleInput> samples_;

  Mutex mu_;
  CondVar changed_;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace varve
