#include "engine/percentile_sketch.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace varve::engine {
namespace {

constexpr uint8_t kVersion = 1;
// After this many joins one bucket spans the whole range of doubles.
constexpr uint8_t kJoinsMax = 20;

// ceil(index / 2) for either sign: where a bucket goes when pairs are joined.
int32_t Joined(int32_t index) { return index > 0 ? (index + 1) / 2 : index / 2; }

template <typename T>
void Put(std::string& bytes, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  bytes.append(raw, sizeof(T));
}

template <typename T>
bool Take(std::string_view& bytes, T& value) {
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return true;
}

}  // namespace

void PercentileSketch::Buckets::Add(int32_t index, uint64_t count) {
  if (counts.empty()) {
    first = index;
  } else if (index < first) {
    counts.insert(counts.begin(), static_cast<size_t>(first - index), 0);
    first = index;
  }
  const auto at = static_cast<size_t>(index - first);
  if (at >= counts.size()) counts.resize(at + 1, 0);
  counts[at] += count;
}

void PercentileSketch::Buckets::JoinPairs() {
  Buckets joined;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) joined.Add(Joined(first + static_cast<int32_t>(i)), counts[i]);
  }
  *this = std::move(joined);
}

uint64_t PercentileSketch::Buckets::Total() const {
  uint64_t total = 0;
  for (const uint64_t count : counts) total += count;
  return total;
}

double PercentileSketch::Ratio() const {
  return std::pow((1 + kErrorAtFirst) / (1 - kErrorAtFirst), std::ldexp(1.0, joins_));
}

int32_t PercentileSketch::IndexOf(double magnitude) const {
  static const double log_ratio = std::log((1 + kErrorAtFirst) / (1 - kErrorAtFirst));
  // From the first ratio, so that a value goes to the same bucket before and after joins.
  auto index = static_cast<int32_t>(std::ceil(std::log(magnitude) / log_ratio));
  for (uint8_t i = 0; i < joins_; ++i) index = Joined(index);
  return index;
}

double PercentileSketch::ValueOf(int32_t index) const {
  const double ratio = Ratio();
  return 2 * std::pow(ratio, index) / (ratio + 1);
}

bool PercentileSketch::Fits(const Buckets& buckets, int32_t index) {
  if (buckets.counts.empty()) return true;
  const int64_t last = int64_t{buckets.first} + static_cast<int64_t>(buckets.counts.size()) - 1;
  const int64_t span = std::max<int64_t>(last, index) - std::min(buckets.first, index) + 1;
  return span <= static_cast<int64_t>(kBucketsMax);
}

void PercentileSketch::Join() {
  VARVE_CHECK(joins_ < kJoinsMax);
  ++joins_;
  negative_.JoinPairs();
  positive_.JoinPairs();
}

void PercentileSketch::AddTo(Buckets PercentileSketch::* side, int32_t index, uint64_t count) {
  while (!Fits(this->*side, index)) {
    Join();
    index = Joined(index);
  }
  (this->*side).Add(index, count);
}

void PercentileSketch::Add(double value) {
  if (std::isnan(value)) return;
  value = std::clamp(value, -DBL_MAX, DBL_MAX);
  const bool none = count_++ == 0;
  min_ = none ? value : std::min(min_, value);
  max_ = none ? value : std::max(max_, value);
  const double magnitude = std::abs(value);
  if (magnitude < DBL_MIN) {
    ++zeros_;
  } else {
    AddTo(value < 0 ? &PercentileSketch::negative_ : &PercentileSketch::positive_,
          IndexOf(magnitude), 1);
  }
}

void PercentileSketch::MergeSide(Buckets PercentileSketch::* side, const PercentileSketch& other) {
  const Buckets& from = other.*side;
  for (size_t i = 0; i < from.counts.size(); ++i) {
    if (from.counts[i] == 0) continue;
    int32_t index = from.first + static_cast<int32_t>(i);
    for (uint8_t join = other.joins_; join < joins_; ++join) index = Joined(index);
    AddTo(side, index, from.counts[i]);
  }
}

void PercentileSketch::Merge(const PercentileSketch& other) {
  if (other.count() == 0) return;
  const bool none = count() == 0;
  min_ = none ? other.min_ : std::min(min_, other.min_);
  max_ = none ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  while (joins_ < other.joins_) Join();
  zeros_ += other.zeros_;
  MergeSide(&PercentileSketch::negative_, other);
  MergeSide(&PercentileSketch::positive_, other);
}

double PercentileSketch::Percentile(double share) const {
  const uint64_t total = count();
  VARVE_CHECK(total > 0);
  const auto rank =
      static_cast<uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(total - 1));
  uint64_t seen = 0;
  const auto within = [&](double value) { return std::clamp(value, min_, max_); };
  for (size_t i = negative_.counts.size(); i-- > 0;) {  // the largest magnitude is the smallest
    seen += negative_.counts[i];
    if (seen > rank) return within(-ValueOf(negative_.first + static_cast<int32_t>(i)));
  }
  seen += zeros_;
  if (seen > rank) return within(0);
  for (size_t i = 0; i < positive_.counts.size(); ++i) {
    seen += positive_.counts[i];
    if (seen > rank) return within(ValueOf(positive_.first + static_cast<int32_t>(i)));
  }
  return max_;
}

void PercentileSketch::AppendTo(std::string& bytes) const {
  Put(bytes, kVersion);
  Put(bytes, joins_);
  Put(bytes, zeros_);
  Put(bytes, min_);
  Put(bytes, max_);
  for (const Buckets* side : {&negative_, &positive_}) {
    Put(bytes, side->first);
    Put(bytes, static_cast<uint32_t>(side->counts.size()));
    for (const uint64_t count : side->counts) Put(bytes, count);
  }
}

Result<PercentileSketch> PercentileSketch::Parse(std::string_view bytes) {
  const auto damaged = [] { return InvalidArgument("not a percentile sketch"); };
  PercentileSketch sketch;
  uint8_t version = 0;
  if (!Take(bytes, version) || version != kVersion || !Take(bytes, sketch.joins_) ||
      sketch.joins_ > kJoinsMax || !Take(bytes, sketch.zeros_) || !Take(bytes, sketch.min_) ||
      !Take(bytes, sketch.max_) || !(sketch.min_ <= sketch.max_)) {
    return damaged();
  }
  for (Buckets* side : {&sketch.negative_, &sketch.positive_}) {
    uint32_t number = 0;
    if (!Take(bytes, side->first) || !Take(bytes, number) || number > kBucketsMax ||
        std::abs(int64_t{side->first}) > 1'000'000 || bytes.size() < number * sizeof(uint64_t)) {
      return damaged();
    }
    side->counts.resize(number);
    for (uint64_t& count : side->counts) Take(bytes, count);
  }
  if (!bytes.empty()) return damaged();
  sketch.count_ = sketch.zeros_ + sketch.negative_.Total() + sketch.positive_.Total();
  return sketch;
}

}  // namespace varve::engine
