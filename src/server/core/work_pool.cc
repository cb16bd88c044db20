#include "server/core/work_pool.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"

namespace varve::server {

WorkPool::WorkPool(std::string name, WorkPoolLimits limits)
    : name_(std::move(name)), limits_(limits) {
  VARVE_CHECK(limits_.threads > 0);
  for (size_t i = 0; i < limits_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkPool::~WorkPool() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

Status WorkPool::Admit() const {
  MutexLock lock(mu_);
  if (queue_.size() < limits_.queued_max) return OkStatus();
  return WithHint(SqlErrorf(sqlstate::kConfigurationLimitExceeded,
                            "too many calls are waiting for the {} threads: {} running, {} "
                            "queued",
                            name_, running_, queue_.size()),
                  "Try again later.");
}

void WorkPool::Run(std::function<void()> task) {
  {
    MutexLock lock(mu_);
    VARVE_CHECK(!stopping_);
    queue_.push_back(std::move(task));
  }
  wake_.NotifyOne();
}

std::deque<std::function<void()>> WorkPool::TakeQueued() {
  MutexLock lock(mu_);
  return std::exchange(queue_, {});
}

size_t WorkPool::queued() const {
  MutexLock lock(mu_);
  return queue_.size();
}

size_t WorkPool::running() const {
  MutexLock lock(mu_);
  return running_;
}

void WorkPool::Work() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(mu_);
      wake_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      ++running_;
    }
    task();
    task = nullptr;  // What it holds is released before it counts as done.
    MutexLock lock(mu_);
    --running_;
  }
}

}  // namespace varve::server
