// Runs reads side by side on a few threads, and bounds the memory that they take at once.
//
// Role:     BlockCache -> [FetchPool].
// Limits:   `threads_max` tasks at once (a thread begins when there is work for it); kQueueMax
//           wait, and what nobody waits for is dropped past it. A Reservation bounds the bytes that
//           requests under way may bring.
// Threads:  safe. A task may call Reserve, and must then need nothing else to end.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace varve::cache {

class FetchPool {
 public:
  static constexpr size_t kQueueMax = 4096;

  FetchPool(size_t threads_max, uint64_t bytes_max);
  ~FetchPool();  // drops what has not begun; see Stop

  // `urgent`: somebody waits for it. False and not taken when stopping, or when the queue is full
  // and it is not urgent.
  bool Add(std::function<void()> task, bool urgent) VARVE_EXCLUDES(mu_);
  // Begins nothing more, and returns when all that has begun has ended.
  void Stop() VARVE_EXCLUDES(mu_);

  // Waits until so many bytes may be asked for; more than there are in all count as all. A thread
  // that is interrupted has none then, and must not ask.
  class Reservation {
   public:
    Reservation(FetchPool& pool, uint64_t bytes);
    ~Reservation();
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

   private:
    FetchPool& pool_;
    uint64_t bytes_;
  };
  uint64_t reserved_bytes() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return reserved_;
  }

 private:
  void Work() VARVE_EXCLUDES(mu_);

  const size_t threads_max_;
  const uint64_t bytes_max_;

  mutable Mutex mu_;
  CondVar changed_;
  CondVar freed_;
  std::deque<std::function<void()>> urgent_ VARVE_GUARDED_BY(mu_);
  std::deque<std::function<void()>> idle_ VARVE_GUARDED_BY(mu_);
  uint64_t reserved_ VARVE_GUARDED_BY(mu_) = 0;
  size_t sleeping_ VARVE_GUARDED_BY(mu_) = 0;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::cache
