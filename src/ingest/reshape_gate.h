// Keeps samples of a metric whose ring is getting another shape from passing that change.
//
// Role:     RingWriter -> [ReshapeGate]. A sample's room on the disk is reserved in the ring as it
//           is then. Were it applied to the ring that comes next, its page might have no room, and
//           a durable record could not be applied.
// Threads:  Enter and the end of a pass are safe and do not wait; Close and Open have one owner.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/mutex.h"
#include "ring/metric.h"

namespace varve::ingest {

class ReshapeGate {
 public:
  // Held from before samples are reserved until they were applied or refused. Keeps the gate.
  class Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::move(other.gate_)), turn_(other.turn_) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      std::swap(turn_, other.turn_);
      return *this;
    }
    ~Pass() {
      if (gate_) gate_->Leave(turn_);
    }

   private:
    friend class ReshapeGate;
    Pass(std::shared_ptr<ReshapeGate> gate, size_t turn) : gate_(std::move(gate)), turn_(turn) {}
    std::shared_ptr<ReshapeGate> gate_;
    size_t turn_;
  };

  // nullopt: one of the samples is of the metric that is being changed.
  static std::optional<Pass> Enter(const std::shared_ptr<ReshapeGate>& gate,
                                   std::span<const ring::Sample> samples) {
    const MutexLock lock(gate->mu_);
    if (gate->changing_) {
      const auto is_of_it = [changing = *gate->changing_](const ring::Sample& sample) {
        return sample.metric == changing;
      };
      if (std::any_of(samples.begin(), samples.end(), is_of_it)) return std::nullopt;
    }
    ++gate->inside_[gate->turn_];
    return Pass(gate, gate->turn_);
  }

  // From its return to Open() there is no sample of `metric` inside.
  void Close(ring::MetricId metric) VARVE_EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    changing_ = metric;
    // Those who come from now on are counted apart, so that a stream of them is not waited for.
    // Nobody is left of the turn before this one: the last Close has waited for them.
    const size_t before = std::exchange(turn_, 1 - turn_);
    left_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return inside_[before] == 0; });
  }
  void Open() VARVE_EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    changing_.reset();
  }

 private:
  void Leave(size_t turn) VARVE_EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    if (--inside_[turn] == 0) left_.NotifyAll();
  }

  Mutex mu_;
  CondVar left_;
  std::optional<ring::MetricId> changing_ VARVE_GUARDED_BY(mu_);
  size_t turn_ VARVE_GUARDED_BY(mu_) = 0;
  std::array<size_t, 2> inside_ VARVE_GUARDED_BY(mu_) = {};
};

}  // namespace varve::ingest
