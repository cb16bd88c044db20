// Lets a statement wait for the log, with a thread or without.
//
// Role:     Session::WriteRows and CommitImplicit call Complete from any thread; the connection
//           that waits is woken once.
// Threads:  safe.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "base/status.h"

namespace varve::server::pg {

class Completion {
 public:
  // `parts`: how many calls of Complete end it; the first error wins.
  explicit Completion(size_t parts) : left_(parts) {}

  void Complete(Status status) VARVE_EXCLUDES(mu_) {
    std::function<void()> wake;
    {
      MutexLock lock(mu_);
      VARVE_CHECK(left_ > 0);
      if (status_.ok()) status_ = std::move(status);
      if (--left_ > 0) return;
      wake = std::move(wake_);
    }
    done_.NotifyAll();
    if (wake) wake();
  }

  bool done() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return left_ == 0;
  }
  // Once done().
  Status status() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return status_;
  }
  // Blocks until done().
  Status Wait() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    done_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return left_ == 0; });
    return status_;
  }
  // Calls `wake` from the thread that completes; at once when it is done already.
  void WhenDone(std::function<void()> wake) VARVE_EXCLUDES(mu_) {
    {
      MutexLock lock(mu_);
      if (left_ > 0) {
        wake_ = std::move(wake);
        return;
      }
    }
    wake();
  }

 private:
  mutable Mutex mu_;
  CondVar done_;
  size_t left_ VARVE_GUARDED_BY(mu_);
  Status status_ VARVE_GUARDED_BY(mu_);
  std::function<void()> wake_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::server::pg
