#include "main/low_priority.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace varve {

namespace {

constexpr int kNice = 10;

// On Linux a priority is a thread's own.
void SetNice(pid_t thread, int nice) {
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice) != 0) {
    spdlog::debug("the priority of thread {} stays as it is", thread);
  }
}

}  // namespace

void LowPriority::Enter() {
  const pid_t thread = ::gettid();
  const int nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread));
  MutexLock lock(mu_);
  threads_.push_back({thread, nice});
  SetNice(thread, std::max(nice, kNice));
}

void LowPriority::Lift() {
  MutexLock lock(mu_);
  for (const Thread& thread : threads_) SetNice(thread.id, thread.nice);
  threads_.clear();
}

}  // namespace varve
