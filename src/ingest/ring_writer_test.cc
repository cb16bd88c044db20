#include "ingest/ring_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "io/testing/faulty_disk.h"
#include "log/local_log.h"

namespace varve::ingest {
namespace {

using io::testing::FaultyDisk;
using ring::MetricId;
using ring::MetricType;
using ring::Point;

// One request that owns its texts.
struct Named {
  std::string name;
  std::vector<std::pair<std::string, std::string>> tags;
  int64_t ts = 100;
  double value = 1;
};

class RingWriterTest : public ::testing::Test {
 protected:
  RingWriterTest() { Open(); }
  ~RingWriterTest() override { Close(); }

  void Open() {
    auto rings = ring::RingStore::Open(disk_, ring_options_);
    ASSERT_TRUE(rings.ok()) << rings.status();
    rings_ = *std::move(rings);
    log_options_.dir = "log";
    log_options_.segment_bytes = std::min<uint64_t>(log_options_.segment_bytes, 1 << 20);
    auto log = log::OpenLocalLog(disk_, log_options_, [this](std::span<log::Record> records) {
      for (const log::Record& record : records) {
        auto change = ring::DecodeChange(record.payload);
        EXPECT_TRUE(change.ok()) << change.status();
        EXPECT_TRUE(rings_->Apply(record.lsn, *change).ok());
      }
      return OkStatus();
    });
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    writer_ = RingWriter::Create(*log_, *rings_, {.shape = {.step_seconds = 1, .slots = 60}},
                                 {.logged_bytes = 1000, .due = [this] { ++checkpoints_due_; }});
  }
  void Close() {
    writer_.reset();
    log_.reset();
    rings_.reset();
  }

  Result<RingWritten> Write(std::span<const SampleInput> samples) {
    auto promise = std::make_shared<std::promise<Result<RingWritten>>>();
    std::future<Result<RingWritten>> answer = promise->get_future();
    writer_->WriteAsync(samples, [promise](auto result) { promise->set_value(std::move(result)); });
    return answer.get();
  }
  Result<RingWritten> WriteOne(const SampleInput& sample) { return Write(std::span(&sample, 1)); }
  static SampleInput ByName(std::string_view name, int64_t ts = 100, double value = 1) {
    SampleInput sample;
    sample.name = name;
    sample.ts = ts;
    sample.value = value;
    return sample;
  }
  static SampleInput ById(MetricId id, int64_t ts = 100, double value = 1) {
    SampleInput sample = ByName("", ts, value);
    sample.metric = id;
    return sample;
  }
  MetricId Made(std::string_view name) {
    const Result<RingWritten> written = WriteOne(ByName(name));
    EXPECT_TRUE(written.ok()) << written.status();
    return written.ok() ? written->metrics.at(0) : MetricId();
  }
  std::vector<Point> Points(MetricId id) {
    std::vector<Point> points;
    EXPECT_TRUE(rings_->Read(id, {}, points).ok());
    return points;
  }
  // The error of a sample that must be refused, and must change nothing.
  std::string Refused(const SampleInput& sample, StatusCode code = StatusCode::kInvalidArgument) {
    const Lsn before = log_->durable();
    const size_t metrics = rings_->All().size();
    const Result<RingWritten> written = WriteOne(sample);
    EXPECT_EQ(written.status().code(), code) << written.status();
    EXPECT_EQ(log_->durable(), before);
    EXPECT_EQ(rings_->All().size(), metrics);
    return std::string(MessageOf(written.status()));
  }

  FaultyDisk disk_;
  ring::RingOptions ring_options_ = {.dir = "rings", .slab_bytes_max = 64 << 10};
  log::LocalLogOptions log_options_;
  std::unique_ptr<ring::RingStore> rings_;
  std::unique_ptr<log::LocalLog> log_;
  std::unique_ptr<RingWriter> writer_;
  std::atomic<int> checkpoints_due_{0};
};

TEST_F(RingWriterTest, AMetricIsMadeByItsFirstSampleAndKnownFromThenOn) {
  const TagInput tags[] = {{"zone", "b"}, {"host", "a"}};
  const TagInput sorted[] = {{"host", "a"}, {"zone", "b"}};
  SampleInput sample = ByName("cpu", 100, 1.5);
  sample.tags = tags;
  const Result<RingWritten> first = WriteOne(sample);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->accepted, 1u);
  EXPECT_EQ(first->stale, 0u);
  const MetricId id = first->metrics.at(0);
  const ring::MetricRef metric = rings_->Find(id);
  ASSERT_NE(metric, nullptr);
  EXPECT_EQ(metric->tags, (std::vector<ring::Tag>{{"host", "a"}, {"zone", "b"}}));
  EXPECT_EQ(metric->type, MetricType::kGauge);
  EXPECT_EQ(metric->shape, (ring::RingShape{.step_seconds = 1, .slots = 60}));

  sample.tags = sorted;
  sample.ts = 101;
  EXPECT_EQ(WriteOne(sample)->metrics.at(0), id);
  EXPECT_EQ(WriteOne(ById(id, 102, 3))->metrics.at(0), id);
  sample.tags = std::span(sorted, 1);  // other tags: another metric
  EXPECT_NE(WriteOne(sample)->metrics.at(0), id);
  EXPECT_EQ(Points(id), (std::vector<Point>{{100, 1.5}, {101, 1.5}, {102, 3}}));
}

TEST_F(RingWriterTest, TypeStepAndSlotsOfTheFirstSampleStay) {
  SampleInput sample = ByName("requests");
  sample.type = MetricType::kCounter;
  sample.step_seconds = 10;
  sample.slots = 360;
  const MetricId id = WriteOne(sample)->metrics.at(0);
  EXPECT_EQ(rings_->Find(id)->type, MetricType::kCounter);
  EXPECT_EQ(rings_->Find(id)->shape, (ring::RingShape{.step_seconds = 10, .slots = 360}));
  EXPECT_TRUE(WriteOne(sample).ok());
  EXPECT_TRUE(WriteOne(ByName("requests")).ok());  // what is not given is not compared
  sample.type = MetricType::kGauge;
  EXPECT_EQ(Refused(sample), "metric 1 (requests) is a counter, not a gauge");
  sample.type = {};
  sample.step_seconds = 1;
  EXPECT_EQ(Refused(sample), "metric 1 (requests) has step 10, not 1");
  sample.step_seconds = 10;
  sample.slots = 60;
  EXPECT_EQ(Refused(sample), "metric 1 (requests) has 360 slots, not 60");
  sample.shape_if_new = true;
  EXPECT_TRUE(WriteOne(sample).ok());
}

TEST_F(RingWriterTest, NameAndTagsBesideAnIdMustBeTheMetrics) {
  const TagInput tags[] = {{"host", "a"}};
  SampleInput made = ByName("cpu");
  made.tags = tags;
  SampleInput sample = ById(WriteOne(made)->metrics.at(0), 101);
  sample.name = "cpu";
  sample.tags = tags;
  EXPECT_TRUE(WriteOne(sample).ok());
  sample.tags = {};
  EXPECT_TRUE(WriteOne(sample).ok());
  sample.name = "mem";
  EXPECT_EQ(Refused(sample), "metric 1 (cpu) is not mem");
  sample.name = {};
  const TagInput other[] = {{"host", "b"}};
  sample.tags = other;
  EXPECT_EQ(Refused(sample), "metric 1 (cpu) has host=\"a\", not \"b\"");
  const TagInput unknown[] = {{"zone", "b"}};
  sample.tags = unknown;
  EXPECT_EQ(Refused(sample), "metric 1 (cpu) has no tag zone");
  EXPECT_EQ(Refused(ById(MetricId(9)), StatusCode::kNotFound), "no metric has the id 9");
  // Also when the sample before it in the request was all right.
  sample = ById(MetricId(1));
  SampleInput wrong = sample;
  wrong.name = "mem";
  const SampleInput both[] = {sample, wrong};
  EXPECT_EQ(MessageOf(Write(both).status()), "samples[1]: metric 1 (cpu) is not mem");
}

TEST_F(RingWriterTest, WhatNoRingCanHoldIsRefused) {
  EXPECT_EQ(Refused(ByName("")), "metric_id or name is needed");
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  for (const double value : {std::nan(""), kInfinite, -kInfinite}) {
    EXPECT_NE(Refused(ByName("cpu", 1, value)), "");
    const MetricId known = Made("known");
    EXPECT_NE(Refused(ById(known, 1, value)), "");
  }
  for (const int64_t ts : {int64_t{-1}, int64_t{UINT32_MAX} + 1, INT64_MAX, INT64_MIN}) {
    EXPECT_NE(Refused(ByName("cpu", ts)).find("ts"), std::string::npos);
  }
  EXPECT_TRUE(WriteOne(ByName("last", UINT32_MAX)).ok());

  EXPECT_NE(Refused(ByName(std::string(ring::kNameBytesMax + 1, 'x'))), "");
  EXPECT_EQ(Refused(ByName(std::string_view("a\0b", 3))), "the name has a NUL byte");
  EXPECT_EQ(Refused(ByName("a\xff")), "the name is not valid UTF-8");
  const auto with_tag = [](const TagInput& tag) {
    SampleInput sample = ByName("cpu");
    sample.tags = std::span(&tag, 1);
    return sample;
  };
  const std::string long_key(ring::kTagKeyBytesMax + 1, 'k');
  const std::string long_value(ring::kTagValueBytesMax + 1, 'v');
  for (const TagInput& tag : {TagInput{"", "v"}, TagInput{long_key, "v"}, TagInput{"k", long_value},
                              TagInput{std::string_view("\0", 1), "v"}, TagInput{"k\xc3", "v"},
                              TagInput{"k", std::string_view("\0", 1)}, TagInput{"k", "\xff"}}) {
    EXPECT_NE(Refused(with_tag(tag)), "");
  }
  const TagInput twice[] = {{"a", "1"}, {"b", "2"}, {"a", "1"}};
  SampleInput sample = ByName("cpu");
  sample.tags = twice;
  EXPECT_EQ(Refused(sample), "tag a is there twice");
  std::vector<std::string> keys;
  std::vector<TagInput> many;
  for (size_t i = 0; i <= ring::kTagsMax; ++i) keys.push_back(std::to_string(i));
  for (const std::string& key : keys) many.push_back({key, "v"});
  sample.tags = many;
  EXPECT_NE(Refused(sample), "");
  sample.tags = {};
  for (const uint32_t step : {0u, ring::kStepSecondsMax + 1}) {
    sample.step_seconds = step;
    EXPECT_NE(Refused(sample).find("step"), std::string::npos);
  }
  sample.step_seconds = {};
  for (const uint32_t slots : {0u, ring::kSlotsMax + 1}) {
    sample.slots = slots;
    EXPECT_NE(Refused(sample).find("slots"), std::string::npos);
  }
}

TEST_F(RingWriterTest, ARequestIsTakenWholeOrNotAtAll) {
  const MetricId known = Made("known");
  SampleInput as_counter = ByName("new");
  as_counter.type = MetricType::kCounter;
  const SampleInput contradicting[] = {ById(known, 101), ByName("new"), as_counter};
  const Result<RingWritten> refused = Write(contradicting);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(refused.status()), "samples[2]: new metric new is a gauge, not a counter");
  EXPECT_EQ(rings_->All().size(), 1u);
  EXPECT_EQ(Points(known).size(), 1u);

  const SampleInput good[] = {ById(known, 101), ByName("new"), ByName("new", 101), ByName("other")};
  const Result<RingWritten> written = Write(good);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->accepted, 4u);
  EXPECT_EQ(written->metrics.at(0), known);
  EXPECT_EQ(written->metrics.at(1), written->metrics.at(2));
  EXPECT_NE(written->metrics.at(1), written->metrics.at(3));
  EXPECT_EQ(log_->durable(), Lsn{2});  // definitions and samples are one record
  EXPECT_EQ(Points(written->metrics.at(1)).size(), 2u);
  EXPECT_TRUE(Write({}).ok());
  EXPECT_EQ(log_->durable(), Lsn{2});
}

TEST_F(RingWriterTest, OldSamplesAreCountedAndDropped) {
  const SampleInput samples[] = {ByName("cpu", 160, 1), ByName("cpu", 100, 2),
                                 ByName("cpu", 160, 3), ByName("cpu", 161, 4)};
  const Result<RingWritten> first = Write(samples);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->accepted, 3u);
  EXPECT_EQ(first->stale, 1u);
  EXPECT_EQ(Points(first->metrics.at(0)), (std::vector<Point>{{160, 3}, {161, 4}}));
  const Result<RingWritten> second = Write(samples);
  EXPECT_EQ(second->accepted, 3u);
  EXPECT_EQ(second->stale, 1u);
}

TEST_F(RingWriterTest, AllIsThereAfterARestart) {
  const MetricId gauge = Made("gauge");
  const MetricId dropped = Made("dropped");
  ASSERT_TRUE(writer_->Drop(dropped).ok());
  ASSERT_TRUE(writer_->Reshape(gauge, {.step_seconds = 10, .slots = 6}).ok());
  ASSERT_TRUE(WriteOne(ByName("gauge", 119, 7)).ok());
  for (const bool power_cut : {false, true}) {
    Close();
    if (power_cut) disk_.LosePower();
    Open();
    EXPECT_EQ(rings_->Find(dropped), nullptr);
    EXPECT_EQ(Points(gauge), (std::vector<Point>{{100, 1}, {110, 7}}));
    EXPECT_EQ(rings_->Find(gauge)->shape, (ring::RingShape{.step_seconds = 10, .slots = 6}));
  }
  EXPECT_GT(Made("dropped"), dropped);  // ids are not used again
}

TEST_F(RingWriterTest, DropsAndNewShapesOfWhatDoesNotFit) {
  EXPECT_EQ(writer_->Drop(MetricId(3)).code(), StatusCode::kNotFound);
  EXPECT_EQ(writer_->Reshape(MetricId(3), {}).code(), StatusCode::kNotFound);
  SampleInput counter = ByName("requests");
  counter.type = MetricType::kCounter;
  const MetricId id = WriteOne(counter)->metrics.at(0);
  EXPECT_EQ(writer_->Reshape(id, {}).code(), StatusCode::kInvalidArgument);
  const MetricId gauge = Made("gauge");
  EXPECT_EQ(writer_->Reshape(gauge, {.step_seconds = 0}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(writer_->Reshape(gauge, {.slots = 0}).code(), StatusCode::kInvalidArgument);
  const Lsn before = log_->durable();
  EXPECT_TRUE(writer_->Reshape(gauge, {.step_seconds = 1, .slots = 60}).ok());
  EXPECT_EQ(log_->durable(), before);  // as it is already
  EXPECT_TRUE(writer_->Drop(gauge).ok());
  EXPECT_EQ(writer_->Drop(gauge).code(), StatusCode::kNotFound);
}

TEST_F(RingWriterTest, AboveMetricsMaxNothingIsMadeAndNoIdIsUsedUp) {
  Close();
  ring_options_.metrics_max = 3;
  Open();
  const MetricId first = Made("a");
  const SampleInput three[] = {ByName("b"), ByName("c"), ByName("d")};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(SqlStateOf(Write(three).status()), sqlstate::kStatementTooComplex);
  }
  EXPECT_EQ(rings_->All().size(), 1u);
  EXPECT_EQ(Made("b").value, first.value + 1);
  EXPECT_EQ(Made("c").value, first.value + 2);
  EXPECT_EQ(SqlStateOf(WriteOne(ByName("d")).status()), sqlstate::kStatementTooComplex);
  EXPECT_TRUE(WriteOne(ByName("b", 101)).ok());
  ASSERT_TRUE(writer_->Drop(first).ok());
  EXPECT_TRUE(WriteOne(ByName("d")).ok());
}

TEST_F(RingWriterTest, WithAFullDiskOrLogNothingHasHappenedAndLaterAllWorks) {
  const MetricId known = Made("known");
  SampleInput large = ByName("large");
  large.slots = 1u << 20;
  disk_.SetCapacity(1);
  EXPECT_EQ(SqlStateOf(WriteOne(large).status()), sqlstate::kDiskFull);
  EXPECT_EQ(rings_->All().size(), 1u);
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(WriteOne(large).ok());

  Close();
  log_options_.max_bytes = 64 << 10;
  log_options_.segment_bytes = 16 << 10;
  Open();
  Status full;
  int64_t ts = 1000;
  const std::string tag_value(2000, 'v');
  const TagInput tag{"t", tag_value};
  for (int i = 0; i < 1000 && full.ok(); ++i) {
    const std::string name = "m" + std::to_string(i);  // outlives the sample
    SampleInput sample = ByName(name, ++ts);
    sample.tags = std::span(&tag, 1);
    full = WriteOne(sample).status();
    if (full.ok()) full = WriteOne(ById(known, ++ts)).status();
  }
  EXPECT_EQ(SqlStateOf(full), sqlstate::kDiskFull);
  const size_t metrics = rings_->All().size();
  EXPECT_EQ(SqlStateOf(writer_->Drop(known)), sqlstate::kDiskFull);
  EXPECT_EQ(rings_->All().size(), metrics);
  ASSERT_TRUE(rings_->Checkpoint().ok());
  ASSERT_TRUE(log_->TruncateThrough(rings_->CheckpointedThrough(log_->durable())).ok());
  EXPECT_TRUE(WriteOne(ByName("again")).ok());
  EXPECT_TRUE(writer_->Drop(known).ok());
}

TEST_F(RingWriterTest, MuchInTheLogAsksForACheckpoint) {
  const MetricId id = Made("cpu");
  for (int64_t ts = 101; checkpoints_due_ == 0; ++ts) {
    ASSERT_LT(ts, 200);
    ASSERT_TRUE(WriteOne(ById(id, ts)).ok());
  }
}

TEST_F(RingWriterTest, WhatWaitsAtTheEndIsAnswered) {
  std::atomic<int> answers{0};
  const MetricId id = Made("cpu");
  for (int i = 0; i < 100; ++i) {
    const std::string name = "m" + std::to_string(i);
    const SampleInput both[] = {ByName(name), ById(id, 101 + i)};
    writer_->WriteAsync(both, [&](const Result<RingWritten>& result) {
      EXPECT_TRUE(result.ok() || SqlStateOf(result.status()) == sqlstate::kAdminShutdown);
      ++answers;
    });
    writer_->WriteAsync(std::span(both).subspan(1), [&](const Result<RingWritten>& result) {
      EXPECT_TRUE(result.ok());
      ++answers;
    });
  }
  writer_.reset();
  log_.reset();
  EXPECT_EQ(answers, 200);
}

// What a thread that must not be held up may do: anything but wait for the file system, as for the
// first sample of a page, or for room in the log's queue.
TEST_F(RingWriterTest, TryingNeitherWaitsForTheDiskNorForTheLog) {
  // Has no room for anything, and answers nobody.
  class FullLog : public log::Log {
   public:
    void CommitAsync(log::Transaction) override { ADD_FAILURE() << "would have waited"; }
    bool TryCommitAsync(log::Transaction) override { return false; }
    Result<LsnRange> Commit(log::Transaction) override { return Internal("not used"); }
    Lsn durable() const override { return {}; }
    Status TruncateThrough(Lsn) override { return OkStatus(); }
    uint64_t disk_bytes() const override { return 0; }
  };
  std::atomic<int> answers{0};
  const auto try_one = [&](RingWriter& writer, const SampleInput& sample) {
    return writer.TryWriteAsync(std::span(&sample, 1), [&](const auto&) { ++answers; });
  };
  SampleInput made = ByName("wide", 0);
  made.slots = 2000;  // eight pages
  EXPECT_TRUE(try_one(*writer_, made)) << "the writer's thread makes it";
  while (answers < 1) std::this_thread::yield();
  const MetricId id = rings_->Find("wide", {})->id;
  const int allocated = disk_.Count(FaultyDisk::Op::kAllocate);
  EXPECT_FALSE(try_one(*writer_, ById(id, 1000)));
  EXPECT_EQ(disk_.Count(FaultyDisk::Op::kAllocate), allocated);
  EXPECT_TRUE(try_one(*writer_, ById(id, 1)));
  while (answers < 2) std::this_thread::yield();
  EXPECT_TRUE(WriteOne(ById(id, 1000)).ok());
  EXPECT_TRUE(try_one(*writer_, ById(id, 1001)));
  EXPECT_TRUE(try_one(*writer_, ById(MetricId(99)))) << "refused at once";
  while (answers < 4) std::this_thread::yield();
  EXPECT_EQ(Points(id).size(), 4u);

  FullLog full;
  const auto writer = RingWriter::Create(full, *rings_, {});
  EXPECT_FALSE(try_one(*writer, ById(id, 1002)));
  EXPECT_EQ(answers, 4);
  EXPECT_EQ(Points(id).size(), 4u);
}

// A sample that comes while its ring gets another shape has room in the old ring; on a disk that is
// full by then the new one has none for it.
TEST_F(RingWriterTest, ASampleThatMeetsAChangeOfShapeOnAFullDiskIsRefused) {
  SampleInput made = ByName("cpu", 0);
  made.slots = 2000;
  const MetricId id = WriteOne(made)->metrics.at(0);
  ASSERT_TRUE(WriteOne(ById(id, 1600)).ok());  // The page of 1790 has room from now on.
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::promise<void> held;
  std::atomic<bool> is_held{false};
  disk_.SetHook(FaultyDisk::Op::kDataSync, [&, gate] {
    if (!is_held.exchange(true)) held.set_value();
    gate.wait();
  });
  std::thread reshapes([&] {
    const Status reshaped = writer_->Reshape(id, {.step_seconds = 1, .slots = 1500});
    EXPECT_TRUE(reshaped.ok()) << reshaped;
  });
  held.get_future().wait();  // Its record is on its way.
  disk_.SetCapacity(1u << 30);
  disk_.SetCapacity((1u << 30) - disk_.Space("rings")->free_bytes);
  auto answer = std::make_shared<std::promise<Result<RingWritten>>>();
  std::future<Result<RingWritten>> answered = answer->get_future();
  const SampleInput sample = ById(id, 1790);  // has none in the new ring
  writer_->WriteAsync(std::span(&sample, 1),
                      [answer](auto result) { answer->set_value(std::move(result)); });
  go.set_value();
  reshapes.join();
  EXPECT_EQ(SqlStateOf(answered.get().status()), sqlstate::kDiskFull);
  EXPECT_EQ(Points(id), (std::vector<Point>{{0, 1}, {1600, 1}}));
  disk_.SetHook(FaultyDisk::Op::kDataSync, nullptr);
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(WriteOne(sample).ok());
  EXPECT_EQ(Points(id).size(), 3u);
}

// Threads make the same metrics and their own at once, one by one and many in one request, while
// another drops and reshapes. Each name has one id at a time; what was acknowledged is there.
TEST_F(RingWriterTest, ManyThreadsMakeMetricsAndWrite) {
  constexpr int kThreads = 8;
  constexpr int kRequests = 150;
  std::array<std::map<std::string, MetricId>, kThreads> seen;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int r = 0; r < kRequests; ++r) {
        const std::string names[] = {"shared" + std::to_string(r),
                                     "own" + std::to_string(t) + "." + std::to_string(r), "victim",
                                     "shared" + std::to_string(r / 2)};
        std::vector<SampleInput> samples;
        for (const std::string& name : names) samples.push_back(ByName(name, 1000 + r, t));
        // Without the first known metrics: requests that become one record with others.
        const auto part = r % 3 == 0 ? std::span(samples).first(2) : std::span(samples);
        const Result<RingWritten> written = Write(part);
        ASSERT_TRUE(written.ok()) << written.status();
        EXPECT_EQ(written->accepted + written->stale, part.size());
        for (size_t i = 0; i < part.size(); ++i) {
          if (names[i] != "victim") seen[t].emplace(names[i], written->metrics[i]);
        }
      }
      --running;
    });
  }
  threads.emplace_back([&] {
    while (running > 0) {
      const ring::MetricRef victim = rings_->Find("victim", {});
      if (victim == nullptr) continue;
      ASSERT_TRUE(writer_->Reshape(victim->id, {.step_seconds = 2, .slots = 30}).ok());
      ASSERT_TRUE(writer_->Drop(victim->id).ok());
    }
  });
  for (std::thread& thread : threads) thread.join();
  std::set<MetricId> ids;
  const auto check = [&] {
    for (int t = 0; t < kThreads; ++t) {
      for (const auto& [name, id] : seen[t]) {
        const ring::MetricRef metric = rings_->Find(name, {});
        ASSERT_NE(metric, nullptr) << name;
        EXPECT_EQ(metric->id, id) << name;
        EXPECT_FALSE(Points(id).empty()) << name;
        ids.insert(id);
      }
    }
  };
  check();
  EXPECT_EQ(ids.size(), static_cast<size_t>(kRequests + kThreads * kRequests));
  Close();
  disk_.LosePower();
  Open();
  check();
}

TEST_F(RingWriterTest, TooManyRequestsThatMakeMetricsAreRefusedAndTheOthersDone) {
  constexpr int kWaiting = 10'000;
  constexpr int kTooMany = 5;
  const MetricId known = Made("known");
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::promise<void> held;
  std::atomic<bool> is_held{false};
  disk_.SetHook(FaultyDisk::Op::kDataSync, [&, gate] {
    if (!is_held.exchange(true)) held.set_value();
    gate.wait();
  });
  std::atomic<int> done{0};
  std::atomic<int> refused{0};
  const auto send = [&](const SampleInput& sample) {
    writer_->WriteAsync(std::span(&sample, 1), [&](const Result<RingWritten>& result) {
      EXPECT_TRUE(result.ok() ||
                  SqlStateOf(result.status()) == sqlstate::kConfigurationLimitExceeded);
      ++(result.ok() ? done : refused);
    });
  };
  send(ByName("holds"));
  held.get_future().wait();
  for (int i = 0; i < kWaiting + kTooMany; ++i) send(ByName("new", 1000 + i));
  EXPECT_EQ(refused, kTooMany);
  EXPECT_EQ(SqlStateOf(writer_->Drop(known)), sqlstate::kConfigurationLimitExceeded);
  go.set_value();
  EXPECT_TRUE(WriteOne(ById(known, 101)).ok());
  while (done < kWaiting + 1) std::this_thread::yield();
  EXPECT_EQ(refused, kTooMany);
  EXPECT_EQ(rings_->All().size(), 3u);
  disk_.SetHook(FaultyDisk::Op::kDataSync, nullptr);
}

// Requests that went into one record have their own counts.
TEST_F(RingWriterTest, EachRequestOfARoundGetsItsOwnCounts) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  // Holds up the worker in the log, so that the others wait together.
  disk_.SetHook(FaultyDisk::Op::kDataSync, [gate] { gate.wait(); });
  std::vector<std::future<Result<RingWritten>>> answers;
  const auto send = [&](std::vector<SampleInput> samples) {
    auto promise = std::make_shared<std::promise<Result<RingWritten>>>();
    answers.push_back(promise->get_future());
    writer_->WriteAsync(samples, [promise](auto result) { promise->set_value(std::move(result)); });
  };
  send({ByName("holds")});
  send({ByName("a", 160), ByName("b", 100)});
  SampleInput wrong = ByName("a", 160);
  wrong.type = MetricType::kCounter;
  send({ByName("never"), wrong});
  send({ByName("a", 100), ByName("a", 161), ByName("c", 1)});
  send({ByName("b", 100)});
  send({ByName("b", 40)});
  go.set_value();
  const auto counts = [&](size_t i) {
    const Result<RingWritten> written = answers[i].get();
    EXPECT_TRUE(written.ok()) << written.status();
    return written.ok() ? std::pair(written->accepted, written->stale) : std::pair(0ul, 0ul);
  };
  EXPECT_EQ(counts(0), std::pair(1ul, 0ul));
  EXPECT_EQ(counts(1), std::pair(2ul, 0ul));
  EXPECT_EQ(MessageOf(answers[2].get().status()),
            "samples[1]: metric 2 (a) is a gauge, not a counter");
  EXPECT_EQ(counts(3), std::pair(2ul, 1ul));
  EXPECT_EQ(counts(4), std::pair(1ul, 0ul));
  EXPECT_EQ(counts(5), std::pair(0ul, 1ul));
  EXPECT_EQ(rings_->All().size(), 4u);
  disk_.SetHook(FaultyDisk::Op::kDataSync, nullptr);
}

}  // namespace
}  // namespace varve::ingest
