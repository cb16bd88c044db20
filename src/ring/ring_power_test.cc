// Cuts the power, or fails a call, at random places, over and over on one store, and compares what
// comes back with a model. The log is a list here, and loses what CheckpointedThrough allows.
#include <gtest/gtest.h>

#include <random>

#include "ring/ring_model_for_test.h"
#include "ring/ring_store_for_test.h"

namespace varve::ring {
namespace {

using io::testing::FaultyDisk;

class RingPowerTest : public RingStoreFixture, public ::testing::WithParamInterface<int> {
 protected:
  static constexpr Op kOps[] = {Op::kCreate,       Op::kAppend,     Op::kDataSync, Op::kRename,
                                Op::kRemove,       Op::kSyncDir,    Op::kOpenRead, Op::kList,
                                Op::kCreateMapped, Op::kOpenMapped, Op::kAllocate, Op::kPunchHole};

  void ArmPowerCut() {
    calls_left_ = static_cast<int>(random_() % 120) + 1;
    for (const Op op : kOps) {
      disk_.SetHook(op, [this] {
        if (--calls_left_ == 0) disk_.CutPower(random_);
      });
    }
  }
  void DisarmPowerCut() {
    for (const Op op : kOps) disk_.SetHook(op, {});
    disk_.RestorePower();
  }

  RingShape AnyShape() {
    static constexpr uint32_t kSlots[] = {1, 7, 50, 300, 1000};
    return {static_cast<uint32_t>(random_() % 20 + 1), kSlots[random_() % std::size(kSlots)]};
  }

  RingChange AnyChange() {
    RingChange change;
    const std::vector<Metric> metrics = model_.Metrics();
    const uint64_t kind = random_() % 16;
    if (metrics.size() < 3 || (kind < 4 && metrics.size() < 60)) {
      for (uint64_t count = random_() % 4 + 1; count > 0; --count) {
        const MetricId id = store_->TakeId();
        std::string name = fmt::format("m{}", id.value);
        change.created.push_back(
            {id, std::move(name), {{"k", "v"}}, MetricType::kGauge, AnyShape()});
        change.samples.push_back({id, AnyTime(), AnyValue()});
      }
    } else if (kind == 4) {
      change.dropped.push_back({metrics[random_() % metrics.size()].id});
    } else if (kind == 5) {
      change.reshaped.push_back({metrics[random_() % metrics.size()].id, AnyShape()});
    }
    for (uint64_t count = random_() % 40; count > 0 && !metrics.empty(); --count) {
      change.samples.push_back({metrics[random_() % metrics.size()].id, AnyTime(), AnyValue()});
    }
    return change;
  }

  // Mostly about now, and now moves on.
  int64_t AnyTime() {
    now_ += static_cast<int64_t>(random_() % 3);
    return std::max<int64_t>(0, now_ - static_cast<int64_t>(random_() % 400));
  }
  double AnyValue() { return static_cast<double>(++values_); }

  // Until a call fails.
  void RunUntilDark() {
    for (int i = 0; i < 150; ++i) {
      const RingChange change = AnyChange();
      if (!store_->Reserve(change).ok()) return;
      last_ = last_.Next();
      log_.emplace_back(last_, change);  // Durable from here on.
      model_.Apply(change);
      if (!store_->Apply(last_, change).ok()) return;
      if (random_() % 10 != 0) continue;
      if (!store_->Checkpoint().ok() && random_() % 4 != 0) return;
      const Lsn through = store_->CheckpointedThrough(last_);
      std::erase_if(log_, [&](const auto& entry) { return entry.first <= through; });
    }
  }

  void Compare() {
    const std::vector<Metric> metrics = model_.Metrics();
    const std::vector<MetricRef> found = store_->All();
    ASSERT_EQ(found.size(), metrics.size());
    for (size_t i = 0; i < metrics.size(); ++i) {
      ASSERT_EQ(found[i]->id, metrics[i].id);
      ASSERT_EQ(found[i]->name, metrics[i].name);
      ASSERT_EQ(found[i]->shape, metrics[i].shape);
      ASSERT_EQ(Points(metrics[i].id), model_.PointsOf(metrics[i].id)) << metrics[i].name;
    }
  }

  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};
  RingModel model_;
  int64_t now_ = 1000;
  int values_ = 0;
  int calls_left_ = 0;
};

TEST_P(RingPowerTest, ReplayAfterAPowerCutGivesWhatTheLogSays) {
  for (int cut = 0; cut < 15; ++cut) {
    SCOPED_TRACE(fmt::format("seed {}, power cut {}", GetParam(), cut));
    ArmPowerCut();
    RunUntilDark();
    // Sometimes also while it starts.
    if (random_() % 3 == 0) static_cast<void>(RingStore::Open(disk_, options_));
    DisarmPowerCut();
    ASSERT_NO_FATAL_FAILURE(Reopen());
    ASSERT_NO_FATAL_FAILURE(Replay());
    ASSERT_NO_FATAL_FAILURE(Compare());
  }
}

TEST_P(RingPowerTest, ReplayAfterAFailedCallAndAKillGivesWhatTheLogSays) {
  for (int kill = 0; kill < 15; ++kill) {
    SCOPED_TRACE(fmt::format("seed {}, kill {}", GetParam(), kill));
    const Op op = kOps[random_() % std::size(kOps)];
    disk_.FailNext(op, static_cast<int>(random_() % 10));
    RunUntilDark();
    disk_.FailNext(op, 1'000'000'000);
    ASSERT_NO_FATAL_FAILURE(Reopen());
    ASSERT_NO_FATAL_FAILURE(Replay());
    ASSERT_NO_FATAL_FAILURE(Compare());
  }
}

// The calls of one checkpoint, each with what half of its predecessors' effects leave.
TEST_P(RingPowerTest, APowerCutAtEachCallOfACheckpointLosesNothing) {
  constexpr int kTries = 4;  // What lands is by chance.
  for (int turn = kTries, count = 0; turn / kTries <= count + 1; ++turn) {
    const int call = turn / kTries;
    SCOPED_TRACE(fmt::format("seed {}, call {}", GetParam(), call));
    for (int i = 0; i < 12; ++i) {
      const RingChange change = AnyChange();
      ASSERT_TRUE(Commit(change).ok());
      model_.Apply(change);
    }
    count = 0;
    for (const Op op : kOps) {
      disk_.SetHook(op, [&] {
        if (++count == call) disk_.CutPower(random_);
      });
    }
    if (store_->Checkpoint().ok()) {
      const Lsn through = store_->CheckpointedThrough(last_);
      std::erase_if(log_, [&](const auto& entry) { return entry.first <= through; });
    }
    DisarmPowerCut();
    ASSERT_NO_FATAL_FAILURE(Reopen());
    ASSERT_NO_FATAL_FAILURE(Replay());
    ASSERT_NO_FATAL_FAILURE(Compare());
    ASSERT_TRUE(store_->Checkpoint().ok());
    log_.clear();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RingPowerTest, ::testing::Range(1, 13));

}  // namespace
}  // namespace varve::ring
