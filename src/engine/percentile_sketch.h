// Summarises numbers so that any percentile can be told within a known error, and merged.
//
// Role:     percentile_agg() fills it, approx_percentile() asks it; its bytes may be stored in a
//           table.
// Layout:   logarithmic buckets after UDDSketch (Epicoco et al., 2020): bucket i of a sketch with
//           ratio g holds g^(i-1) < |x| <= g^i. When there would be more than kBucketsMax, pairs of
//           buckets are joined (g becomes g*g) and the error about doubles.
//           Bytes, little-endian: version u8 = 1 | joins u8 | zeros u64 | min f64 | max f64, then
//           for the negative and the positive buckets: first index i32 | number u32 | counts u64
//           each.
// Units:    the relative error of an answer is at most kErrorAtFirst until the first join.
// Errors:   Parse returns InvalidArgument for bytes that no sketch has. NaN is not counted.
// Threads:  values; no shared state. The result does not depend on the order of Add and Merge.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace varve::engine {

class PercentileSketch {
 public:
  static constexpr double kErrorAtFirst = 0.005;
  static constexpr size_t kBucketsMax = 2048;

  void Add(double value);
  void Merge(const PercentileSketch& other);

  uint64_t count() const { return count_; }
  // The value below which a share of `share` in [0, 1] lies. Call only when count() > 0.
  double Percentile(double share) const;

  void AppendTo(std::string& bytes) const;
  static Result<PercentileSketch> Parse(std::string_view bytes);

 private:
  // Counts of neighbouring buckets; counts[i] belongs to index first + i.
  struct Buckets {
    int32_t first = 0;
    std::vector<uint64_t> counts;

    void Add(int32_t index, uint64_t count);
    void JoinPairs();
    uint64_t Total() const;
  };

  double Ratio() const;
  int32_t IndexOf(double magnitude) const;
  double ValueOf(int32_t index) const;
  // Whether adding `index` would go beyond kBucketsMax.
  static bool Fits(const Buckets& buckets, int32_t index);
  void AddTo(Buckets PercentileSketch::* side, int32_t index, uint64_t count);
  void MergeSide(Buckets PercentileSketch::* side, const PercentileSketch& other);
  void Join();

  uint8_t joins_ = 0;
  uint64_t count_ = 0;
  uint64_t zeros_ = 0;
  double min_ = 0;  // valid once count() > 0
  double max_ = 0;
  Buckets negative_;  // by magnitude
  Buckets positive_;
};

}  // namespace varve::engine
