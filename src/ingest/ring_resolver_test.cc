#include "ingest/ring_resolver.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace varve::ingest {
namespace {

using ring::MetricId;

// Metrics by name alone, which may change between two looks at them.
class RingsOfTest : public ring::RingStore {
 public:
  void Add(const std::string& name, MetricId id) {
    metrics_[name] = {id, name, {}, ring::MetricType::kGauge, {.step_seconds = 1, .slots = 60}};
  }
  void Remove(const std::string& name) { metrics_.erase(name); }
  // Called with the number of looks so far, before each one.
  std::function<void(int)> before_look = [](int) {};
  int looks() const { return looks_; }

  void WithMetrics(const std::function<void(const ring::MetricFinder&)>& use) const override {
    before_look(looks_++);
    use(Finder(*this));
  }
  ring::MetricRef Find(MetricId) const override { return nullptr; }
  ring::MetricRef Find(std::string_view, std::span<const ring::Tag>) const override {
    return nullptr;
  }
  std::vector<ring::MetricRef> All() const override { return {}; }
  std::vector<ring::MetricRef> Lookup(const ring::Selector&, size_t) const override { return {}; }
  std::vector<std::string> Names() const override { return {}; }
  std::map<std::string, std::vector<std::string>> TagValues(
      std::optional<std::string_view>) const override {
    return {};
  }
  Status Read(MetricId, ring::SecondsRange, std::vector<ring::Point>&) const override {
    return OkStatus();
  }
  Status Reserve(const ring::RingChange&) override { return OkStatus(); }
  bool TryReserve(const ring::RingChange&) const override { return true; }
  MetricId TakeId() override { return {}; }
  Result<ring::Applied> Apply(Lsn, const ring::RingChange&) override { return ring::Applied(); }
  Status Checkpoint() override { return OkStatus(); }
  Lsn CheckpointedThrough(Lsn durable) const override { return durable; }
  Lsn checkpoint_lsn() const override { return {}; }
  Telemetry telemetry() const override { return {}; }

 private:
  struct Finder : ring::MetricFinder {
    explicit Finder(const RingsOfTest& the_rings) : rings(the_rings) {}
    const ring::Metric* Find(MetricId) const override { return nullptr; }
    const ring::Metric* Find(std::string_view name, std::span<const ring::TagView>) const override {
      const auto at = rings.metrics_.find(name);
      return at == rings.metrics_.end() ? nullptr : &at->second;
    }
    const RingsOfTest& rings;
  };
  std::map<std::string, ring::Metric, std::less<>> metrics_;
  mutable int looks_ = 0;
};

class RingResolverTest : public ::testing::Test {
 protected:
  static std::vector<SampleInput> Samples(std::string_view name, size_t count) {
    std::vector<SampleInput> samples(count);
    for (SampleInput& sample : samples) sample.name = name;
    return samples;
  }
  Result<ResolvedSamples> Resolve(const std::vector<SampleInput>& samples) {
    return RingResolver(rings_, {}).Resolve(samples, fresh_);
  }

  RingsOfTest rings_;
  uint32_t last_id_ = 100;
  NewMetrics fresh_{[this] { return MetricId(++last_id_); }};
};

// Every commit of the server waits while somebody looks at the metrics.
TEST_F(RingResolverTest, ManySamplesAreLookedAtInPieces) {
  rings_.Add("known", MetricId(1));
  std::vector<SampleInput> samples = Samples("known", 2500);
  samples[700].name = samples[1800].name = "new";
  const auto resolved = Resolve(samples);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(rings_.looks(), 3);
  ASSERT_EQ(resolved->samples.size(), 2500u);
  EXPECT_EQ(resolved->of_known_metrics, 2498u);
  EXPECT_EQ(fresh_.count(), 1u);
  for (size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(resolved->samples[i].metric, MetricId(samples[i].name == "new" ? 101 : 1)) << i;
  }
  samples[2400].ts = -1;
  EXPECT_TRUE(MessageOf(Resolve(samples).status()).starts_with("samples[2400]: ts"));
}

TEST_F(RingResolverTest, AMetricMayGoBetweenTwoPieces) {
  rings_.Add("goes", MetricId(1));
  rings_.before_look = [this](int looks) {
    if (looks == 1) rings_.Remove("goes");
  };
  const auto resolved = Resolve(Samples("goes", 1500));
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->of_known_metrics, 1000u);
  EXPECT_EQ(resolved->samples[999].metric, MetricId(1));
  EXPECT_EQ(resolved->samples[1000].metric, MetricId(101));
}

}  // namespace
}  // namespace varve::ingest
