// A ring store on a disk in memory, fed with changes that get the next Lsn and are kept for replay.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/testing/faulty_disk.h"
#include "ring/ring_store.h"

namespace varve::ring {

class RingStoreFixture : public ::testing::Test {
 protected:
  using Op = io::testing::FaultyDisk::Op;

  RingStoreFixture() { Reopen(); }

  // As after kill -9: what was stored is there, synced or not.
  void Reopen() {
    store_.reset();
    Result<std::unique_ptr<RingStore>> opened = RingStore::Open(disk_, options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  void Replay() {
    for (const auto& [lsn, change] : log_) {
      const Result<Applied> applied = store_->Apply(lsn, change);
      ASSERT_TRUE(applied.ok()) << applied.status();
    }
  }

  Result<Applied> Commit(RingChange change) {
    VARVE_RETURN_IF_ERROR(store_->Reserve(change));
    last_ = last_.Next();
    log_.emplace_back(last_, change);
    return store_->Apply(last_, change);
  }
  MetricId Create(std::string name, std::vector<Tag> tags = {}, RingShape shape = {},
                  MetricType type = MetricType::kGauge) {
    const MetricId id = store_->TakeId();
    RingChange change;
    change.created.push_back({id, std::move(name), std::move(tags), type, shape});
    const Result<Applied> applied = Commit(std::move(change));
    EXPECT_TRUE(applied.ok()) << applied.status();
    return id;
  }
  Applied Put(std::vector<Sample> samples) {
    RingChange change;
    change.samples = std::move(samples);
    const Result<Applied> applied = Commit(std::move(change));
    EXPECT_TRUE(applied.ok()) << applied.status();
    return applied.value_or(Applied());
  }
  void Drop(MetricId id) {
    RingChange change;
    change.dropped.push_back({id});
    ASSERT_TRUE(Commit(std::move(change)).ok());
  }
  void Reshape(MetricId id, RingShape shape) {
    RingChange change;
    change.reshaped.push_back({id, shape});
    ASSERT_TRUE(Commit(std::move(change)).ok());
  }
  std::vector<Point> Points(MetricId id, SecondsRange range = {}) const {
    std::vector<Point> points;
    const Status read = store_->Read(id, range, points);
    EXPECT_TRUE(read.ok()) << read;
    return points;
  }

  io::testing::FaultyDisk disk_;
  RingOptions options_{.dir = "rings", .slab_bytes_max = 64 << 10};
  std::unique_ptr<RingStore> store_;
  Lsn last_;
  std::vector<std::pair<Lsn, RingChange>> log_;
};

}  // namespace varve::ring
