// Describes a write that a crash cut short, at the end of the newest segment.
#pragma once

#include <cstdint>
#include <string>

namespace varve::log {

// Never acknowledged; cut off when the log is opened.
struct TornTail {
  std::string segment;  // file name
  uint64_t offset = 0;  // where the first record that is not whole begins
  uint64_t bytes = 0;   // from there to the last byte that is not zero
  bool operator==(const TornTail&) const = default;
};

}  // namespace varve::log
