// Names rows of data files by number, and marks some of them.
//
// Role:     lake scan (gives each row its address) -> DELETE and UPDATE -> [RowBits] per file ->
//           the rewriting of the file.
// Units:    an address is the place of the file in its FileSet and the number of the row in the
//           file.
// Limits:   2^23 files of a table, 2^40 rows of a file.
// Threads:  not thread-safe.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace varve::engine {

struct RowAddress {
  static constexpr int kRowBits = 40;
  static constexpr uint64_t kFilesMax = uint64_t{1} << 23;
  static constexpr uint64_t kRowsMax = uint64_t{1} << kRowBits;

  uint64_t file = 0;
  uint64_t row = 0;

  // One number that is never negative.
  int64_t Pack() const { return static_cast<int64_t>(file << kRowBits | row); }
  static RowAddress Unpack(int64_t packed) {
    const auto bits = static_cast<uint64_t>(packed);
    return {bits >> kRowBits, bits & (kRowsMax - 1)};
  }
};

class RowBits {
 public:
  // True when the row was not marked before.
  bool Mark(uint64_t row) {
    const uint64_t word = row / 64;
    if (word >= words_.size()) words_.resize(word + 1, 0);
    const uint64_t bit = uint64_t{1} << (row % 64);
    if ((words_[word] & bit) != 0) return false;
    words_[word] |= bit;
    ++count_;
    return true;
  }
  bool IsMarked(uint64_t row) const {
    const uint64_t word = row / 64;
    return word < words_.size() && (words_[word] >> (row % 64) & 1) != 0;
  }
  uint64_t count() const { return count_; }
  uint64_t bytes() const { return words_.capacity() * sizeof(uint64_t); }

 private:
  std::vector<uint64_t> words_;
  uint64_t count_ = 0;
};

}  // namespace varve::engine
