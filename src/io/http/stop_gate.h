// Ends waits and requests that are under way when the server stops.
//
// Role:     main stops it -> [StopGate] -> HttpClient, retries between two tries.
// Threads:  safe.
#pragma once

#include <atomic>
#include <chrono>

#include "base/mutex.h"

namespace varve::io {

class StopGate {
 public:
  void Stop() VARVE_EXCLUDES(mu_) {
    {
      MutexLock lock(mu_);
      stopped_.store(true);
    }
    changed_.NotifyAll();
  }

  bool stopped() const { return stopped_.load(); }

  // Waits so long, or less when the gate is stopped. Returns whether it is.
  bool WaitFor(std::chrono::microseconds limit) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return changed_.WaitFor(mu_, limit, [this] { return stopped(); });
  }

 private:
  Mutex mu_;  // only so that a wait does not miss Stop
  CondVar changed_;
  std::atomic<bool> stopped_{false};
};

}  // namespace varve::io
