// Counts the bytes of requests or of answers that the server holds, and refuses what is too many.
//
// Threads:  ByteBudget is safe; a charge has one owner at a time.
#pragma once

#include <atomic>
#include <cstddef>

namespace varve::server {

class ByteBudget {
 public:
  explicit ByteBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Given back when it is destroyed, which must be before the budget.
  class Charge {
   public:
    explicit Charge(ByteBudget& budget) : budget_(budget) {}
    ~Charge() { budget_.used_.fetch_sub(bytes_); }
    Charge(const Charge&) = delete;
    Charge& operator=(const Charge&) = delete;

    // False, and nothing changed, when `bytes` more than it has now are too many for all together.
    bool RaiseTo(size_t bytes) {
      if (bytes <= bytes_) return true;
      const size_t more = bytes - bytes_;
      if (budget_.used_.fetch_add(more) + more > budget_.bytes_max_) {
        budget_.used_.fetch_sub(more);
        return false;
      }
      bytes_ = bytes;
      return true;
    }

   private:
    ByteBudget& budget_;
    size_t bytes_ = 0;
  };

  size_t used() const { return used_.load(); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
};

}  // namespace varve::server
