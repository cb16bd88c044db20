// What a RingStore promises its callers, on a disk in memory; further tests beside it cover power
// loss, damage, a full disk and threads.
#include "ring/ring_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "ring/ring_store_for_test.h"
#include "ring/slab_set.h"

namespace varve::ring {
namespace {

using RingStoreTest = RingStoreFixture;

TEST_F(RingStoreTest, KeepsWhatWasAppliedOverARestart) {
  const MetricId a = Create("cpu", {{"host", "a"}}, {10, 6});
  Put({{a, 100, 1.5}, {a, 110, 2.5}, {a, 129, 3.5}});
  const std::vector<Point> expected = {{100, 1.5}, {110, 2.5}, {120, 3.5}};
  EXPECT_EQ(Points(a), expected);
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_EQ(store_->checkpoint_lsn(), last_);
  Reopen();
  EXPECT_EQ(Points(a), expected);
  EXPECT_EQ(store_->checkpoint_lsn(), last_);
  const MetricRef metric = store_->Find(a);
  ASSERT_NE(metric, nullptr);
  EXPECT_EQ(metric->name, "cpu");
  EXPECT_EQ(metric->tags, (std::vector<Tag>{{"host", "a"}}));
  EXPECT_EQ(metric->shape, (RingShape{10, 6}));
  EXPECT_EQ(store_->TakeId(), MetricId(a.value + 1)) << "an id was given twice";
}

TEST_F(RingStoreTest, TheNewerWindowStaysAndOfOneWindowTheLastApplied) {
  const MetricId a = Create("a", {}, {10, 4});
  Applied applied = Put({{a, 100, 1}, {a, 109, 2}, {a, 101, 3}});
  EXPECT_EQ(applied.accepted, 3u);
  EXPECT_EQ(Points(a), (std::vector<Point>{{100, 3}}));
  // 60 and 140 are in the slot of 100.
  applied = Put({{a, 60, 4}, {a, 69, 5}});
  EXPECT_EQ(applied.accepted, 0u);
  EXPECT_EQ(applied.stale, 2u);
  EXPECT_EQ(Points(a), (std::vector<Point>{{100, 3}}));
  applied = Put({{a, 140, 6}, {a, 100, 7}, {a, 110, 8}});
  EXPECT_EQ(applied.accepted, 2u);
  EXPECT_EQ(applied.stale, 1u);
  EXPECT_EQ(Points(a), (std::vector<Point>{{110, 8}, {140, 6}}));
  EXPECT_EQ(store_->telemetry().stale_samples, 3u);
  EXPECT_EQ(store_->telemetry().samples, 5u);
}

TEST_F(RingStoreTest, TheFirstAndTheLastSecondAreKept) {
  for (const uint32_t step : {1u, 7u, kStepSecondsMax}) {
    const MetricId a = Create(fmt::format("a{}", step), {}, {step, 5});
    EXPECT_EQ(Put({{a, 0, -0.0}}).accepted, 1u);
    EXPECT_EQ(Points(a), (std::vector<Point>{{0, 0}}));
    EXPECT_EQ(Put({{a, kTsMax, 1e308}}).accepted, 1u);
    const int64_t last = kTsMax / step * step;
    EXPECT_EQ(Points(a, {last, INT64_MAX}), (std::vector<Point>{{last, 1e308}}));
  }
  const MetricId a = Create("b");
  for (const int64_t ts : {int64_t{-1}, kTsMax + 1}) {
    RingChange change;
    change.samples.push_back({a, ts, 1});
    EXPECT_EQ(store_->Apply(last_.Next(), change).status().code(), StatusCode::kDataLoss);
    EXPECT_FALSE(CheckSample(ts, 1).ok());
  }
  EXPECT_TRUE(CheckSample(kTsMax, 1).ok());
  EXPECT_FALSE(CheckSample(1, std::nan("")).ok());
  EXPECT_FALSE(CheckSample(1, -std::numeric_limits<double>::infinity()).ok());
}

TEST_F(RingStoreTest, ReadsGiveWhatStartsInTheRange) {
  const MetricId a = Create("a", {}, {10, 6});
  for (int64_t ts = 100; ts < 200; ts += 10) Put({{a, ts + 3, static_cast<double>(ts)}});
  const auto range = [&](int64_t start, int64_t end) {
    std::vector<int64_t> times;
    for (const Point& point : Points(a, {start, end})) times.push_back(point.ts);
    return times;
  };
  const std::vector<int64_t> all = {140, 150, 160, 170, 180, 190};
  EXPECT_EQ(range(INT64_MIN, INT64_MAX), all);
  EXPECT_EQ(range(140, 190), all);
  EXPECT_EQ(range(0, 1000), all);
  EXPECT_EQ(range(141, 189), (std::vector<int64_t>{150, 160, 170, 180}));
  EXPECT_EQ(range(160, 160), (std::vector<int64_t>{160}));
  EXPECT_EQ(range(161, 169), (std::vector<int64_t>{}));
  EXPECT_EQ(range(190, 140), (std::vector<int64_t>{}));
  EXPECT_EQ(range(100, 139), (std::vector<int64_t>{}));  // Overwritten.
  EXPECT_EQ(range(-50, -1), (std::vector<int64_t>{}));
  EXPECT_EQ(range(kTsMax + 1, INT64_MAX), (std::vector<int64_t>{}));
  std::vector<Point> points = {{1, 1}};
  ASSERT_TRUE(store_->Read(a, {190, 190}, points).ok());
  EXPECT_EQ(points, (std::vector<Point>{{1, 1}, {190, 190}})) << "appends";
  points = {{500, 1}, {400, 1}};
  ASSERT_TRUE(store_->Read(a, {}, points).ok());
  EXPECT_EQ(points[0].ts, 500) << "what was there stays as it was";
  EXPECT_EQ(points[2].ts, 140);
}

TEST_F(RingStoreTest, OldSamplesBetweenNewOnesComeInOrder) {
  const MetricId a = Create("a", {}, {1, 8});
  Put({{a, 1, 1}, {a, 3, 3}, {a, 5, 5}, {a, 16, 16}, {a, 10, 10}, {a, 20, 20}, {a, 15, 15}});
  EXPECT_EQ(Points(a),
            (std::vector<Point>{{1, 1}, {3, 3}, {5, 5}, {10, 10}, {15, 15}, {16, 16}, {20, 20}}));
}

TEST_F(RingStoreTest, AnotherShapeKeepsWhatFits) {
  const MetricId a = Create("a", {}, {10, 6});
  const auto fill = [&] {
    for (int64_t ts = 100; ts < 200; ts += 10) Put({{a, ts, static_cast<double>(ts)}});
  };
  fill();
  Reshape(a, {10, 3});  // Fewer slots: the newest.
  EXPECT_EQ(Points(a), (std::vector<Point>{{170, 170}, {180, 180}, {190, 190}}));
  Reshape(a, {10, 20});  // More slots: all.
  EXPECT_EQ(Points(a), (std::vector<Point>{{170, 170}, {180, 180}, {190, 190}}));
  Reshape(a, {20, 20});  // A larger step: the last of each window.
  EXPECT_EQ(Points(a), (std::vector<Point>{{160, 170}, {180, 190}}));
  Reshape(a, {5, 20});  // A smaller one: windows keep their start.
  EXPECT_EQ(Points(a), (std::vector<Point>{{160, 170}, {180, 190}}));
  EXPECT_EQ(store_->Find(a)->shape, (RingShape{5, 20}));
  EXPECT_EQ(Put({{a, 184, 1}}).accepted, 1u);
  EXPECT_EQ(Put({{a, 83, 1}}).stale, 1u) << "the kept samples are newer";
  EXPECT_EQ(Points(a), (std::vector<Point>{{160, 170}, {180, 1}}));
  EXPECT_EQ(store_->telemetry().ring_bytes, 20u * 16);
  const MetricId empty = Create("b", {}, {10, 6});
  Reshape(empty, {3, 9});
  EXPECT_TRUE(Points(empty).empty());
  const std::vector<Point> before = Points(a);
  ASSERT_TRUE(store_->Checkpoint().ok());
  Reopen();
  EXPECT_EQ(Points(a), before);
}

TEST_F(RingStoreTest, ADroppedMetricIsGoneAndItsIdIsNotGivenAgain) {
  const MetricId a = Create("a", {{"x", "1"}}, {1, 10});
  Put({{a, 5, 5}});
  Drop(a);
  EXPECT_EQ(store_->Find(a), nullptr);
  EXPECT_EQ(store_->Find("a", std::vector<Tag>{{"x", "1"}}), nullptr);
  EXPECT_TRUE(store_->All().empty());
  EXPECT_TRUE(store_->Names().empty());
  EXPECT_TRUE(store_->TagValues(std::nullopt).empty());
  std::vector<Point> points;
  EXPECT_EQ(store_->Read(a, {}, points).code(), StatusCode::kNotFound);
  const Applied late = Put({{a, 6, 6}});
  EXPECT_EQ(late.accepted, 0u);
  EXPECT_EQ(late.stale, 1u);
  const MetricId again = Create("a", {{"x", "1"}}, {1, 10});
  EXPECT_NE(again, a);
  EXPECT_TRUE(Points(again).empty());
  ASSERT_TRUE(store_->Checkpoint().ok());
  Reopen();
  EXPECT_GT(store_->TakeId(), again);
}

TEST_F(RingStoreTest, AChangeThatContradictsTheRegistryChangesNothing) {
  const MetricId a = Create("a", {}, {1, 10});
  const auto expect_loss = [&](auto edit) {
    RingChange change;
    change.samples.push_back({a, 1, 1});
    edit(change);
    EXPECT_EQ(store_->Apply(last_.Next(), change).status().code(), StatusCode::kDataLoss);
    EXPECT_TRUE(Points(a).empty());
    EXPECT_EQ(store_->All().size(), 1u);
    EXPECT_EQ(store_->telemetry().applied, last_);
  };
  const Metric other{MetricId(50), "b", {}, MetricType::kGauge, {1, 10}};
  expect_loss([&](RingChange& c) { c.created = {other, {a, "c", {}, MetricType::kGauge, {}}}; });
  expect_loss([&](RingChange& c) { c.created = {other, {MetricId(51), "a", {}, {}, {}}}; });
  expect_loss([&](RingChange& c) { c.created = {other, {MetricId(51), "b", {}, {}, {}}}; });
  expect_loss([&](RingChange& c) { c.created = {other, {MetricId(50), "c", {}, {}, {}}}; });
  expect_loss([&](RingChange& c) { c.dropped = {{a}, {MetricId(7)}}; });
  expect_loss([&](RingChange& c) { c.dropped = {{a}, {a}}; });
  expect_loss([&](RingChange& c) { c.reshaped = {{MetricId(7), {}}}; });
  expect_loss([&](RingChange& c) { c.reshaped = {{a, {0, 1}}}; });
  expect_loss([&](RingChange& c) {
    c.dropped = {{a}};
    c.reshaped = {{a, {1, 1}}};
  });
  expect_loss([&](RingChange& c) { c.samples.push_back({MetricId(99), 1, 1}); });
}

TEST_F(RingStoreTest, TheLogIsNeededFromTheCheckpointOn) {
  EXPECT_EQ(store_->CheckpointedThrough(Lsn(9)), Lsn(9)) << "nothing of the rings is in the log";
  const MetricId a = Create("a", {}, {1, 10});
  EXPECT_EQ(store_->CheckpointedThrough(Lsn(9)), Lsn(0));
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_EQ(store_->CheckpointedThrough(Lsn(9)), Lsn(9));
  Put({{a, 1, 1}});
  EXPECT_EQ(store_->CheckpointedThrough(Lsn(9)), Lsn(1));
  Reopen();
  EXPECT_EQ(store_->checkpoint_lsn(), Lsn(1));
  // Skips what it has, and takes the rest.
  Replay();
  EXPECT_EQ(Points(a), (std::vector<Point>{{1, 1}}));
  EXPECT_EQ(store_->telemetry().applied, Lsn(2));
  EXPECT_EQ(store_->telemetry().samples, 1u);
}

TEST_F(RingStoreTest, ACheckpointOfNothingTouchesNoFile) {
  const MetricId a = Create("a", {}, {1, 10});
  ASSERT_TRUE(store_->Checkpoint().ok());
  const auto calls = [&] {
    return disk_.Count(Op::kDataSync) + disk_.Count(Op::kSyncDir) + disk_.Count(Op::kCreate) +
           disk_.Count(Op::kAppend) + disk_.Count(Op::kRename) + disk_.Count(Op::kPunchHole);
  };
  const int before = calls();
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_EQ(calls(), before);
  // Without a new metric the registry stays: its file is not written again.
  Put({{a, 1, 1}});
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_TRUE(disk_.Stat("rings/registry-0000000001").ok());
}

TEST_F(RingStoreTest, AFailedSyncOfASlabIsFinal) {
  const MetricId a = Create("a", {}, {1, 10});
  disk_.FailNext(Op::kDataSync);
  EXPECT_FALSE(store_->Checkpoint().ok());
  EXPECT_FALSE(store_->Checkpoint().ok()) << "a failed sync was tried again";
  EXPECT_EQ(store_->CheckpointedThrough(Lsn(1)), Lsn(0));
  EXPECT_EQ(Put({{a, 1, 1}}).accepted, 1u);
  Reopen();
  Replay();
  EXPECT_TRUE(store_->Checkpoint().ok());
}

TEST_F(RingStoreTest, ASyncThatCouldNotBeginIsMadeUpFor) {
  const MetricId a = Create("a", {}, {1, 10});
  const MetricId b = Create("b", {}, {1, 11});  // In another slab.
  const MetricId c = Create("c", {}, {1, 12});
  Put({{a, 1, 1}, {b, 1, 1}, {c, 1, 1}});
  disk_.FailNext(Op::kDataSync, 1, FailedPrecondition("too many open files (test)"));
  EXPECT_EQ(store_->Checkpoint().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->CheckpointedThrough(last_), Lsn(0));
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_EQ(store_->checkpoint_lsn(), last_);
  disk_.LosePower();
  Reopen();
  for (const MetricId id : {a, b, c}) EXPECT_EQ(Points(id), (std::vector<Point>{{1, 1}}));
}

TEST_F(RingStoreTest, ACheckpointMakesUpForOneThatFailed) {
  for (const Op op :
       {Op::kCreate, Op::kAppend, Op::kRename, Op::kSyncDir, Op::kPunchHole, Op::kRemove}) {
    for (int skip = 0; skip < 3; ++skip) {
      const MetricId a = Create(fmt::format("a{}", last_.value), {}, {1, 1000});
      const MetricId b = Create(fmt::format("b{}", last_.value), {}, {1, 1000});
      Put({{a, 1, 1}, {b, 2, 2}});
      Drop(a);
      disk_.FailNext(op, skip);
      static_cast<void>(store_->Checkpoint());
      disk_.FailNext(op, 1'000'000'000);
      Put({{b, 3, 3}});
      ASSERT_TRUE(store_->Checkpoint().ok());
      disk_.LosePower();
      Reopen();
      EXPECT_EQ(Points(b), (std::vector<Point>{{2, 2}, {3, 3}}));
      EXPECT_EQ(store_->Find(a), nullptr);
      EXPECT_EQ(store_->checkpoint_lsn(), last_);
    }
  }
}

TEST_F(RingStoreTest, SpaceOfDroppedRingsIsUsedAgainAfterACheckpoint) {
  disk_.SetCapacity(1 << 30);
  const MetricId stays = Create("stays", {}, {1, 300});
  std::vector<Sample> samples;
  for (int64_t ts = 0; ts < 300; ++ts) samples.push_back({stays, ts, 1});
  Put(samples);
  uint64_t used_bytes = 0;
  for (int cycle = 0; cycle < 1000; ++cycle) {
    const MetricId a = Create("a", {{"n", fmt::format("{:04}", cycle)}}, {1, 300});
    samples.clear();
    for (int64_t ts = 0; ts < 300; ++ts) samples.push_back({a, ts, 1});
    Put(samples);
    if (cycle % 2 == 0) Reshape(a, {2, 500});
    Drop(a);
    log_.clear();
    ASSERT_TRUE(store_->Checkpoint().ok());
    const uint64_t used = (1 << 30) - disk_.Space("rings")->free_bytes;
    if (cycle == 1) used_bytes = used;
    ASSERT_TRUE(cycle <= 1 || used == used_bytes) << "cycle " << cycle << ": " << used;
  }
  EXPECT_EQ(Points(stays).size(), 300u);
  EXPECT_EQ(store_->telemetry().slab_files, 1u);
}

TEST_F(RingStoreTest, AnUnsyncedDropKeepsItsSpaceForTheReplay) {
  const MetricId a = Create("a", {}, {1, 10});
  Put({{a, 1, 1}});
  ASSERT_TRUE(store_->Checkpoint().ok());
  Put({{a, 2, 2}});
  Reshape(a, {1, 11});
  Drop(a);
  const MetricId b = Create("b", {}, {1, 10});
  Put({{b, 3, 3}, {b, 4, 4}});
  Reopen();  // The log ends before the change of shape.
  while (log_.back().first > Lsn(3)) log_.pop_back();
  Replay();
  EXPECT_EQ(Points(a), (std::vector<Point>{{1, 1}, {2, 2}}));
}

TEST_F(RingStoreTest, AnEmptyRingInAPlaceThatWasUsedStaysEmptyAfterAPowerLoss) {
  const MetricId stays = Create("stays", {}, {1, 10});
  const MetricId a = Create("a", {}, {1, 10});
  Put({{stays, 1, 1}, {a, 1, 1}});
  ASSERT_TRUE(store_->Checkpoint().ok());
  Drop(a);
  ASSERT_TRUE(store_->Checkpoint().ok());
  const MetricId b = Create("b", {}, {1, 10});
  ASSERT_TRUE(store_->Checkpoint().ok());
  disk_.LosePower();
  Reopen();
  EXPECT_TRUE(Points(b).empty());
  EXPECT_EQ(Points(stays), (std::vector<Point>{{1, 1}}));
}

TEST_F(RingStoreTest, AFullDiskIsSaidBeforeAnythingChanges) {
  const MetricId a = Create("a", {}, {1, 2000});
  Put({{a, 0, 1}});
  ASSERT_TRUE(store_->Checkpoint().ok());
  disk_.SetCapacity(1 << 30);
  const uint64_t used = (1 << 30) - disk_.Space("rings")->free_bytes;
  disk_.SetCapacity(used);
  const auto reserve = [&](auto edit) {
    RingChange change;
    edit(change);
    return store_->Reserve(change);
  };
  const auto expect_full = [&](auto edit) {
    const Status status = reserve(edit);
    EXPECT_EQ(SqlStateOf(status), sqlstate::kDiskFull) << status;
  };
  const Metric b{store_->TakeId(), "b", {}, MetricType::kGauge, {1, 2000}};
  const Metric c{store_->TakeId(), "c", {}, MetricType::kGauge, {1, 7}};
  // The page of second 0 has room; that of second 1000 has not.
  EXPECT_TRUE(reserve([&](RingChange& x) { x.samples = {{a, 3, 3}}; }).ok());
  expect_full([&](RingChange& x) { x.samples = {{a, 3, 3}, {a, 1000, 4}}; });
  expect_full([&](RingChange& x) {
    x.created = {b};
    x.samples = {{b.id, 1000, 4}};
  });
  expect_full([&](RingChange& x) { x.created = {c}; });  // A slab of its own.
  expect_full([&](RingChange& x) { x.reshaped = {{a, {1, 1000}}}; });
  EXPECT_EQ(store_->All().size(), 1u);
  EXPECT_EQ(disk_.Names("rings").size(), 5u);
  EXPECT_EQ(Put({{a, 5, 5}}).accepted, 1u);
  disk_.SetCapacity(used + 64 * 4096);
  RingChange change;
  change.created = {b, c};
  change.samples = {{b.id, 1000, 4}, {a, 1000, 4}, {c.id, 1, 1}};
  ASSERT_TRUE(Commit(change).ok());
  EXPECT_EQ(Points(b.id), (std::vector<Point>{{1000, 4}}));
  ASSERT_TRUE(store_->Checkpoint().ok());  // The disk checks here that each page had room.
}

TEST_F(RingStoreTest, WhatHasRoomAlreadyIsSaidWithoutTheDisk) {
  const MetricId a = Create("a", {}, {1, 2000});
  Put({{a, 0, 1}});
  const auto try_reserve = [&](auto edit) {
    RingChange change;
    edit(change);
    return store_->TryReserve(change);
  };
  const int allocated = disk_.Count(Op::kAllocate);
  EXPECT_TRUE(try_reserve([&](RingChange& x) { x.samples = {{a, 3, 3}}; }));
  EXPECT_FALSE(try_reserve([&](RingChange& x) { x.samples = {{a, 3, 3}, {a, 1000, 4}}; }));
  EXPECT_FALSE(try_reserve([&](RingChange& x) { x.created = {{MetricId(9), "b", {}, {}, {}}}; }));
  EXPECT_FALSE(try_reserve([&](RingChange& x) { x.reshaped = {{a, {1, 1000}}}; }));
  EXPECT_EQ(disk_.Count(Op::kAllocate), allocated);
}

// Only a replay makes metrics without asking for room first.
TEST_F(RingStoreTest, CheckpointsThatFailOnAFullDiskLeaveNothingBehind) {
  RingChange change;
  for (uint32_t i = 1; i <= 200; ++i) {
    change.created.push_back(
        {MetricId(i), fmt::format("{:0100}", i), {}, MetricType::kGauge, {1, 10}});
  }
  last_ = Lsn(1);
  ASSERT_TRUE(store_->Apply(last_, change).ok());
  disk_.SetCapacity(1 << 20);
  const uint64_t used = (1 << 20) - disk_.Space("rings")->free_bytes;
  int failed = 0;
  for (uint64_t room = 0; room < 40'000; room += 512) {
    disk_.SetCapacity(used + room);
    const Status checkpoint = store_->Checkpoint();
    if (checkpoint.ok()) break;
    ++failed;
    EXPECT_EQ(SqlStateOf(checkpoint), sqlstate::kDiskFull) << checkpoint;
    EXPECT_LE(disk_.Names("rings").size(), 4u);  // Slab, checkpoint; spares.
  }
  EXPECT_GT(failed, 30) << "the registry alone has that many bytes";
  EXPECT_EQ(store_->checkpoint_lsn(), last_);
  Reopen();
  EXPECT_EQ(store_->All().size(), 200u);
}

// It is the checkpoint that gives the room of dropped metrics back.
TEST_F(RingStoreTest, OnAFullDiskDropsStillMakeRoom) {
  std::vector<MetricId> ids;
  for (int i = 0; i < 300; ++i) {
    ids.push_back(Create(fmt::format("{:0100}", i), {}, {1, 256}));  // a page each
    Put({{ids.back(), 1, 1}});
  }
  ASSERT_TRUE(store_->Checkpoint().ok());
  disk_.SetCapacity(1 << 30);
  const auto used = [&] {
    const io::DiskSpace space = *disk_.Space("rings");
    return space.total_bytes - space.free_bytes;
  };
  const uint64_t full = used();
  disk_.SetCapacity(full);
  for (int round = 0; round < 2; ++round) {
    while (used() < full) {  // Others take what there is.
      disk_.SetContents(fmt::format("other-{}", used()), std::string(full - used(), 'x'));
    }
    for (int i = 0; i < 20; ++i) {
      Drop(ids.back());
      ids.pop_back();
    }
    const Status checkpoint = store_->Checkpoint();
    ASSERT_TRUE(checkpoint.ok()) << "round " << round << ": " << checkpoint;
    EXPECT_LE(used(), full - 20 * 4096) << round;
    if (round == 0) Reopen();
  }
  Reopen();
  EXPECT_EQ(store_->All().size(), ids.size());
}

TEST_F(RingStoreTest, MetricsThatNoCheckpointCouldNameAreRefused) {
  Create("a", {}, {1, 10});
  disk_.SetCapacity(1 << 20);
  disk_.SetCapacity((1 << 20) - disk_.Space("rings")->free_bytes);
  RingChange change;
  for (uint32_t i = 0; i < 200; ++i) {
    change.created.push_back(
        {store_->TakeId(), fmt::format("{:0100}", i), {}, MetricType::kGauge, {1, 10}});
  }
  EXPECT_EQ(SqlStateOf(store_->Reserve(change)), sqlstate::kDiskFull);
}

TEST_F(RingStoreTest, TooManyMetricsAreRefused) {
  options_.metrics_max = 2;
  Reopen();
  Create("a");
  RingChange change;
  change.created.push_back({store_->TakeId(), "b", {}, {}, {}});
  change.created.push_back({store_->TakeId(), "c", {}, {}, {}});
  EXPECT_EQ(SqlStateOf(store_->Reserve(change)), sqlstate::kStatementTooComplex);
  change.created.pop_back();
  EXPECT_TRUE(Commit(change).ok());
}

TEST_F(RingStoreTest, SlabsOfASizeGrow) {
  options_.slab_bytes_max = 16 << 20;
  Reopen();
  RingChange change;
  for (uint32_t i = 0; i < 3000; ++i) {  // 16 KiB each
    change.created.push_back({store_->TakeId(), fmt::format("m{}", i), {}, {}, {1, 1024}});
  }
  Create("lone", {}, {1, 77});
  ASSERT_TRUE(Commit(std::move(change)).ok());
  std::vector<uint64_t> megabytes;
  const std::vector<io::DirEntry> entries = *disk_.List("rings");
  for (const io::DirEntry& entry : entries) {
    if (entry.name.starts_with("00001024-")) megabytes.push_back((entry.bytes + (1 << 19)) >> 20);
    if (entry.name.starts_with("00000077-")) {
      EXPECT_LE(entry.bytes, 1u << 20);
    }
  }
  EXPECT_EQ(megabytes, (std::vector<uint64_t>{1, 1, 2, 4, 8, 16, 16}));
}

TEST(SlabSetTest, SharedPlacesAreOfFewSizesAndLittleLarger) {
  std::set<uint32_t> sizes;
  for (uint32_t slots = 1; slots <= kSlotsMax; slots += 1 + slots / 1000) {
    const uint32_t shared = SharedPlaceSlots(slots);
    ASSERT_GE(shared, slots);
    ASSERT_LE(shared, std::min(kSlotsMax, slots + slots / 8));
    ASSERT_EQ(SharedPlaceSlots(shared), shared);
    sizes.insert(shared);
  }
  EXPECT_LE(sizes.size(), 24u * 8);
}

// One client that thinks of many sizes must leave files to the others.
TEST_F(RingStoreTest, ManySizesShareSlabs) {
  constexpr uint32_t kSizes = kSlabFilesOfOwnSizeMax + 176;
  const auto point = [](uint32_t slots) { return Point{slots, slots / 2.0}; };
  for (uint32_t slots = 1; slots <= kSizes; ++slots) {
    const MetricId id = Create(fmt::format("m{}", slots), {}, {1, slots});
    Put({{id, point(slots).ts, point(slots).value}, {id, slots + 1, 1}});
  }
  EXPECT_LE(store_->telemetry().slab_files, kSlabFilesOfOwnSizeMax + 70);  // three to a slab
  const auto check = [&] {
    for (uint32_t slots = 1; slots <= kSizes; ++slots) {
      const MetricId id = store_->Find(fmt::format("m{}", slots), {})->id;
      std::vector<Point> expected = {point(slots), {slots + 1, 1}};
      if (slots == 1) expected.erase(expected.begin());
      ASSERT_EQ(Points(id), expected) << slots;
    }
  };
  check();
  ASSERT_TRUE(store_->Checkpoint().ok());
  Reopen();
  check();
  // A place that a ring of another size has left reads as zeros.
  const MetricId old = store_->Find("m1199", {})->id;
  Drop(old);
  ASSERT_TRUE(store_->Checkpoint().ok());
  const MetricId next = Create("next", {}, {1, 1190});
  EXPECT_TRUE(Points(next).empty());
  Reshape(next, {2, 1100});
  Reopen();
  Replay();
  EXPECT_EQ(store_->Find(next)->shape.slots, 1100u);
}

TEST_F(RingStoreTest, PlacesThatWereReservedInVainAreUsedAgain) {
  options_.slab_bytes_max = 4096 + 4 * 16 * 100;  // Four rings a slab.
  Reopen();
  Create("first", {}, {1, 100});
  for (int i = 0; i < 50; ++i) {
    RingChange change;
    change.created.push_back({store_->TakeId(), "never", {}, {}, {1, 100}});
    change.samples.push_back({change.created[0].id, 1, 1});
    ASSERT_TRUE(store_->Reserve(change).ok());  // And the log refuses it.
  }
  EXPECT_EQ(store_->telemetry().slab_files, 1u);
  for (uint32_t slots = 101; slots < 150; ++slots) {
    RingChange change;
    change.reshaped.push_back({MetricId(1), {1, slots % 2 == 0 ? 100 : slots}});
    ASSERT_TRUE(store_->Reserve(change).ok());
  }
  Put({{MetricId(1), 1, 1}});
  const MetricId a = Create("a", {}, {1, 100});
  EXPECT_TRUE(Points(a).empty());
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_EQ(store_->telemetry().slab_files, 1u) << "slabs without a ring went";
}

TEST_F(RingStoreTest, MetricsAreFoundByWhatIsKnownOfThem) {
  const MetricId a = Create("cpu", {{"host", "a"}, {"zone", "1"}}, {1, 10});
  const MetricId b = Create("cpu", {{"host", "b"}, {"zone", "1"}}, {1, 10});
  const MetricId c = Create("mem", {{"host", "a"}}, {1, 10}, MetricType::kCounter);
  const auto ids = [](const std::vector<MetricRef>& metrics) {
    std::vector<MetricId> found;
    for (const MetricRef& metric : metrics) found.push_back(metric->id);
    return found;
  };
  using Ids = std::vector<MetricId>;
  EXPECT_EQ(ids(store_->All()), (Ids{a, b, c}));
  EXPECT_EQ(ids(store_->Lookup({}, 10)), (Ids{a, b, c}));
  EXPECT_EQ(ids(store_->Lookup({}, 2)), (Ids{a, b}));
  EXPECT_EQ(ids(store_->Lookup({"cpu", {}}, 10)), (Ids{a, b}));
  EXPECT_EQ(ids(store_->Lookup({"cpu", {}}, 1)), (Ids{a}));
  EXPECT_EQ(ids(store_->Lookup({"cpu", {{"host", "b"}}}, 10)), (Ids{b}));
  EXPECT_EQ(ids(store_->Lookup({{}, {{"host", "a"}}}, 10)), (Ids{a, c}));
  EXPECT_EQ(ids(store_->Lookup({{}, {{"host", "a"}, {"zone", "1"}}}, 10)), (Ids{a}));
  EXPECT_EQ(ids(store_->Lookup({"mem", {{"zone", "1"}}}, 10)), Ids{});
  EXPECT_EQ(ids(store_->Lookup({"disk", {}}, 10)), Ids{});
  EXPECT_EQ(ids(store_->Lookup({{}, {{"host", "c"}}}, 10)), Ids{});
  EXPECT_EQ(ids(store_->Lookup({{}, {{"rack", "a"}}}, 10)), Ids{});
  EXPECT_EQ(store_->Names(), (std::vector<std::string>{"cpu", "mem"}));
  using Values = std::map<std::string, std::vector<std::string>>;
  EXPECT_EQ(store_->TagValues(std::nullopt), (Values{{"host", {"a", "b"}}, {"zone", {"1"}}}));
  EXPECT_EQ(store_->TagValues("mem"), (Values{{"host", {"a"}}}));
  EXPECT_EQ(store_->TagValues("disk"), Values{});
  EXPECT_EQ(store_->Find("mem", std::vector<Tag>{{"host", "a"}})->id, c);
  EXPECT_EQ(store_->Find("mem", {}), nullptr);
  EXPECT_EQ(store_->Find("cpu", std::vector<Tag>{{"host", "a"}}), nullptr);
  store_->WithMetrics([&](const MetricFinder& finder) {
    const TagView tags[] = {{"host", "b"}, {"zone", "1"}};
    EXPECT_EQ(finder.Find("cpu", tags)->id, b);
    EXPECT_EQ(finder.Find("mem", tags), nullptr);
    EXPECT_EQ(finder.Find(c)->type, MetricType::kCounter);
    EXPECT_EQ(finder.Find(MetricId(99)), nullptr);
  });
  ASSERT_TRUE(store_->Checkpoint().ok());
  Reopen();
  EXPECT_EQ(ids(store_->Lookup({{}, {{"host", "a"}}}, 10)), (Ids{a, c}));
  EXPECT_EQ(store_->Find(c)->type, MetricType::kCounter);
}

TEST_F(RingStoreTest, MetricsOutsideOfTheLimitsAreRefused) {
  const auto code = [](auto edit) {
    Metric metric{MetricId(1), "a", {{"k", "v"}}, {}, {}};
    edit(metric);
    return CheckMetric(metric).code();
  };
  EXPECT_EQ(code([](Metric&) {}), StatusCode::kOk);
  const auto refused = [&](auto edit) { EXPECT_EQ(code(edit), StatusCode::kInvalidArgument); };
  refused([](Metric& m) { m.name.clear(); });
  refused([](Metric& m) { m.name.assign(kNameBytesMax + 1, 'x'); });
  refused([](Metric& m) { m.name += '\0'; });
  refused([](Metric& m) { m.tags[0].key += '\0'; });
  refused([](Metric& m) { m.tags[0].value += '\0'; });
  refused([](Metric& m) { m.tags[0].key.clear(); });
  refused([](Metric& m) { m.tags[0].key.assign(kTagKeyBytesMax + 1, 'x'); });
  refused([](Metric& m) { m.tags[0].value.assign(kTagValueBytesMax + 1, 'x'); });
  refused([](Metric& m) { m.tags.push_back(m.tags[0]); });
  refused([](Metric& m) {
    m.tags.clear();
    for (size_t i = 0; i <= kTagsMax; ++i) m.tags.push_back({fmt::format("k{:03}", i), ""});
  });
  refused([](Metric& m) { m.shape = {0, 1}; });
  refused([](Metric& m) { m.shape = {kStepSecondsMax + 1, 1}; });
  refused([](Metric& m) { m.shape = {1, 0}; });
  refused([](Metric& m) { m.shape = {1, kSlotsMax + 1}; });
}

TEST(MetricTypeTest, NamesAreReadAsTheyAreWritten) {
  for (const MetricType type : {MetricType::kGauge, MetricType::kCounter}) {
    EXPECT_EQ(ParseMetricType(NameOf(type)), type);
  }
  EXPECT_EQ(NameOf(MetricType::kCounter), "counter");
  EXPECT_EQ(ParseMetricType("histogram"), std::nullopt);
}

}  // namespace
}  // namespace varve::ring
