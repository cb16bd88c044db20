#include "engine/deadlines.h"

#include "base/clock.h"

namespace varve::engine {

Deadlines::Deadlines() : thread_([this] { Run(); }) {}

Deadlines::~Deadlines() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

Deadlines::Ticket Deadlines::Arm(std::chrono::microseconds timeout, std::function<void()> expired) {
  MutexLock lock(mu_);
  const Ticket ticket{Clock::System().MonotonicUs() + timeout.count(), next_++};
  const bool is_earliest = armed_.empty() || ticket < armed_.begin()->first;
  armed_.emplace(ticket, std::move(expired));
  if (is_earliest) {
    version_++;
    changed_.NotifyOne();
  }
  return ticket;
}

void Deadlines::Disarm(const Ticket& ticket) {
  MutexLock lock(mu_);
  armed_.erase(ticket);
}

void Deadlines::Run() {
  MutexLock lock(mu_);
  while (!stopping_) {
    if (armed_.empty()) {
      changed_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return stopping_ || !armed_.empty(); });
      continue;
    }
    const auto earliest = armed_.begin();
    const int64_t left_us = earliest->first.first - Clock::System().MonotonicUs();
    if (left_us <= 0) {
      const auto expired = std::move(earliest->second);
      armed_.erase(earliest);
      expired();
      continue;
    }
    // A statement that ends in time only removes its entry: the thread then wakes once for nothing.
    const uint64_t seen = version_;
    changed_.WaitFor(mu_, std::chrono::microseconds(left_us),
                     [&]() VARVE_REQUIRES(mu_) { return stopping_ || version_ != seen; });
  }
}

}  // namespace varve::engine
