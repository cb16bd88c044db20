// Counts requests to object stores by kind: how many, how they ended, bytes, time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/telemetry.h"

namespace varve::io {

enum class S3Operation : uint8_t {
  kGet,
  kHead,
  kPut,
  kPutIfAbsent,
  kUploadPart,
  kUploadControl,  // begin, complete and abort
  kList,
  kDelete,
};
inline constexpr size_t kS3Operations = 8;

std::string_view NameOf(S3Operation operation);

class S3Telemetry {
 public:
  S3Telemetry();

  struct Counters {
    Counter* requests = nullptr;
    Counter* retries = nullptr;
    Counter* errors = nullptr;
    Counter* microseconds = nullptr;
  };
  const Counters& operator[](S3Operation operation) const {
    return counters_[static_cast<size_t>(operation)];
  }
  Counter& sent_bytes() const { return *sent_bytes_; }
  Counter& received_bytes() const { return *received_bytes_; }

 private:
  std::array<Counters, kS3Operations> counters_;
  Counter* sent_bytes_;
  Counter* received_bytes_;
};

}  // namespace varve::io
