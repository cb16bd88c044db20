// Calls back when a statement has run for too long.
//
// Role:     Session arms one for each statement with a timeout -> [Deadlines] -> interrupts it.
// Threads:  safe; one thread waits for the earliest deadline. A callback runs on that thread with
//           the lock held, so that Disarm is sure that none is running: it must be short and not
//           call back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace varve::engine {

class Deadlines {
 public:
  using Ticket = std::pair<int64_t, uint64_t>;

  Deadlines();
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // Calls `expired` in `timeout` unless it is disarmed before.
  Ticket Arm(std::chrono::microseconds timeout, std::function<void()> expired) VARVE_EXCLUDES(mu_);
  void Disarm(const Ticket& ticket) VARVE_EXCLUDES(mu_);

 private:
  void Run() VARVE_EXCLUDES(mu_);

  Mutex mu_;
  CondVar changed_;
  std::map<Ticket, std::function<void()>> armed_ VARVE_GUARDED_BY(mu_);
  uint64_t next_ VARVE_GUARDED_BY(mu_) = 0;
  uint64_t version_ VARVE_GUARDED_BY(mu_) = 0;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace varve::engine
