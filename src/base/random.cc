#include "base/random.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/bytes.h"
#include "base/mutex.h"

namespace varve {
namespace {

class SystemRandom : public Random {
 public:
  void Fill(std::span<uint8_t> bytes) override {
    MutexLock lock(mu_);
    for (size_t at = 0; at < bytes.size(); at += sizeof(uint32_t)) {
      const uint32_t word = device_();
      const size_t count = std::min(sizeof(word), bytes.size() - at);
      std::memcpy(bytes.data() + at, &word, count);
    }
  }

 private:
  Mutex mu_;
  std::random_device device_ VARVE_GUARDED_BY(mu_);
};

}  // namespace

uint64_t Random::NextU64() {
  uint8_t bytes[sizeof(uint64_t)];
  Fill(bytes);
  return GetLittle<uint64_t>(reinterpret_cast<const char*>(bytes));
}

Random& Random::System() {
  static SystemRandom random;
  return random;
}

}  // namespace varve
