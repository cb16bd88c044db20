#include "cache/fetch_pool.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/interrupt.h"

namespace varve::cache {

FetchPool::FetchPool(size_t threads_max, uint64_t bytes_max)
    : threads_max_(threads_max), bytes_max_(bytes_max) {}

FetchPool::~FetchPool() { Stop(); }

bool FetchPool::Add(std::function<void()> task, bool urgent) {
  MutexLock lock(mu_);
  if (stopping_ || (!urgent && idle_.size() >= kQueueMax)) return false;
  (urgent ? urgent_ : idle_).push_back(std::move(task));
  const size_t waiting = urgent_.size() + idle_.size();
  if (sleeping_ < waiting && threads_.size() < threads_max_) {
    threads_.emplace_back([this] { Work(); });
    const std::string name = "cache-" + std::to_string(threads_.size());
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
  changed_.NotifyOne();
  return true;
}

void FetchPool::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    idle_.clear();
    threads = std::move(threads_);
    threads_.clear();
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads) thread.join();
}

void FetchPool::Work() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mu_);
      ++sleeping_;
      changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) {
        return stopping_ || !urgent_.empty() || !idle_.empty();
      });
      --sleeping_;
      std::deque<std::function<void()>>& queue = urgent_.empty() ? idle_ : urgent_;
      if (queue.empty()) return;  // stopping; urgent tasks have readers that wait for them
      task = std::move(queue.front());
      queue.pop_front();
    }
    task();
  }
}

FetchPool::Reservation::Reservation(FetchPool& pool, uint64_t bytes)
    : pool_(pool), bytes_(std::min(bytes, pool.bytes_max_)) {
  MutexLock lock(pool_.mu_);
  const auto has_room = [&]() VARVE_REQUIRES(pool_.mu_) {
    return pool_.reserved_ + bytes_ <= pool_.bytes_max_;
  };
  while (!pool_.freed_.WaitFor(pool_.mu_, kInterruptPoll, has_room)) {
    if (!Interrupted()) continue;
    bytes_ = 0;
    return;
  }
  pool_.reserved_ += bytes_;
}

FetchPool::Reservation::~Reservation() {
  MutexLock lock(pool_.mu_);
  pool_.reserved_ -= bytes_;
  pool_.freed_.NotifyAll();
}

}  // namespace varve::cache
