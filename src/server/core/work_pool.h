// Runs what blocks on a bounded set of threads, with admission control.
//
// Role:     connections -> [WorkPool] -> Session calls, which may block for as long as they run.
// Limits:   threads run at once; queued_max pieces of new work wait, further ones are refused
//           by Admit.
// Errors:   53400 when the queue is full: nothing of the work was begun, the client may try again.
// Threads:  safe. The destructor runs what was accepted, then joins.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace varve::server {

struct WorkPoolLimits {
  size_t threads = 8;
  size_t queued_max = 256;
};

class WorkPool {
 public:
  // `name`: of the threads, and in messages.
  WorkPool(std::string name, WorkPoolLimits limits);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Whether there is room for new work. Several callers may be told yes for the last place; the
  // queue is then longer by at most their number.
  Status Admit() const VARVE_EXCLUDES(mu_);
  // Runs `task`, which must not throw. Not refused: it is work that was admitted, or goes on with a
  // result or a transaction, and its caller holds one of a bounded number of connections.
  void Run(std::function<void()> task) VARVE_EXCLUDES(mu_);

  // What waits for a thread, which is the caller's to run from now on: to refuse it at a stop,
  // without waiting for those that run.
  std::deque<std::function<void()>> TakeQueued() VARVE_EXCLUDES(mu_);

  size_t queued() const VARVE_EXCLUDES(mu_);
  size_t running() const VARVE_EXCLUDES(mu_);

 private:
  void Work() VARVE_EXCLUDES(mu_);

  // Constant after construction.
  const std::string name_;
  const WorkPoolLimits limits_;
  std::vector<std::thread> threads_;

  mutable Mutex mu_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ VARVE_GUARDED_BY(mu_);
  size_t running_ VARVE_GUARDED_BY(mu_) = 0;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
};

}  // namespace varve::server
