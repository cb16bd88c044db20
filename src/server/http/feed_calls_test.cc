#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "base/telemetry.h"
#include "engine/testing/rings_for_test.h"
#include "ingest/ring_writer.h"
#include "server/http/body_encoding.h"
#include "server/http/remote_write_for_test.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kNowUs = 1'700'000'000'999'999;

class StillClock : public Clock {
 public:
  int64_t NowUs() const override { return kNowUs; }
  int64_t MonotonicUs() const override { return 0; }
};

// Keeps what it is given, and answers when it is told to.
class KeepingWriter : public ingest::RingWriter {
 public:
  void WriteAsync(std::span<const ingest::SampleInput> samples,
                  std::function<void(Result<ingest::RingWritten>)> done) override {
    for (const auto& sample : samples) {
      std::string text(sample.name);
      for (const auto& tag : sample.tags) text += fmt::format(",{}={}", tag.key, tag.value);
      text += fmt::format(" {}@{}", sample.value, sample.ts);
      if (sample.step_seconds) text += fmt::format(" step {}", *sample.step_seconds);
      if (sample.slots) text += fmt::format(" slots {}", *sample.slots);
      EXPECT_TRUE(sample.shape_if_new);
      lines.push_back(text);
    }
    pending = std::move(done);
    if (!answers.empty()) {
      const auto next = answers.front();
      answers.pop_front();
      return pending(next);
    }
    if (answer) pending(*answer);
  }
  bool TryWriteAsync(std::span<const ingest::SampleInput> samples,
                     std::function<void(Result<ingest::RingWritten>)> done) override {
    if (would_wait) return false;
    WriteAsync(samples, std::move(done));
    return true;
  }
  Status Drop(ring::MetricId) override { return OkStatus(); }
  Status Reshape(ring::MetricId, ring::RingShape) override { return OkStatus(); }

  bool would_wait = false;
  std::deque<Result<ingest::RingWritten>> answers;  // of the next calls, before `answer`
  std::optional<Result<ingest::RingWritten>> answer = ingest::RingWritten{};
  std::function<void(Result<ingest::RingWritten>)> pending;
  std::vector<std::string> lines;
};

// Finds metrics by name and tags too, as ingest does.
class RingsWithNames : public engine::RingsForTest {
 public:
  void WithMetrics(const std::function<void(const ring::MetricFinder&)>& use) const override {
    use(Finder(*this));
  }

 private:
  class Finder : public ring::MetricFinder {
   public:
    explicit Finder(const RingsWithNames& rings) : rings_(rings) {}
    const ring::Metric* Find(ring::MetricId id) const override {
      return rings_.RingsForTest::Find(id).get();
    }
    const ring::Metric* Find(std::string_view name,
                             std::span<const ring::TagView> tags) const override {
      const auto same = [](const ring::Tag& a, const ring::TagView& b) {
        return a.key == b.key && a.value == b.value;
      };
      for (const ring::MetricRef& metric : rings_.Lookup({std::string(name), {}}, SIZE_MAX)) {
        if (std::equal(metric->tags.begin(), metric->tags.end(), tags.begin(), tags.end(), same)) {
          return metric.get();
        }
      }
      return nullptr;
    }

   private:
    const RingsWithNames& rings_;
  };
};

class FeedCallsTest : public testing::Test {
 protected:
  FeedCallsTest() {
    AddFeedCalls(router_, [this] { return ready_; }, clock_);
  }

  std::shared_ptr<AnswerSlot> Start(
      HttpVerb verb, std::string path, std::string query, std::string body,
      const std::vector<std::pair<std::string, std::string>>& fields) {
    const auto call = std::make_shared<HttpCall>();
    call->verb = verb;
    call->path = std::move(path);
    call->query = std::move(query);
    call->body = std::move(body);
    for (const auto& [name, value] : fields) call->header.set(name, value);
    call->services =
        std::make_shared<HttpServices>(HttpServices{.rings = &rings_, .writer = &writer_});
    call->held = std::make_shared<ByteBudget::Charge>(budget_);
    const auto slot = std::make_shared<AnswerSlot>();
    const HttpRouter::Match match = router_.Find(verb, call->path);
    EXPECT_NE(match.route, nullptr);
    if (match.route->blocking) {
      slot->Put(AnswerOf(match.route->blocking(*call)));
    } else {
      EXPECT_TRUE(match.route->async(call, HttpReply(slot), MayWait::kYes));
    }
    return slot;
  }

  HttpAnswer Influx(std::string body, std::string query = "precision=s",
                    std::string path = "/write") {
    return Start(HttpVerb::post, std::move(path), std::move(query), std::move(body), {})->Take();
  }

  // The body as it is after the frame unpacked it.
  HttpAnswer RemoteWrite(std::string message, std::string query = "",
                         std::string type = "application/x-protobuf",
                         std::string encoding = "snappy", std::string version = "0.1.0") {
    return Start(HttpVerb::post, "/api/v1/write", std::move(query), std::move(message),
                 {{"Content-Type", std::move(type)},
                  {"Content-Encoding", std::move(encoding)},
                  {"X-Prometheus-Remote-Write-Version", std::move(version)}})
        ->Take();
  }

  static std::string Up() {
    return SeriesForTest({{"__name__", "up"}, {"job", "x"}}, {{1, 5'000}});
  }

  StillClock clock_;
  Status ready_;
  RingsWithNames rings_;
  KeepingWriter writer_;
  ByteBudget budget_{1 << 20};
  HttpRouter router_;
};

TEST_F(FeedCallsTest, RemoteWriteIsAnsweredWhenItIsDurable) {
  writer_.answer.reset();
  const auto slot =
      Start(HttpVerb::post, "/api/v1/write", "", Up(), {{"Content-Encoding", "snappy"}});
  EXPECT_FALSE(slot->answered());
  EXPECT_THAT(writer_.lines, ElementsAre("up,job=x 1@5"));
  EXPECT_GT(budget_.used(), 0);
  writer_.pending(ingest::RingWritten{});
  writer_.pending = nullptr;
  ASSERT_TRUE(slot->answered());
  EXPECT_EQ(slot->Take().status, 204);
  EXPECT_EQ(budget_.used(), 0);
}

TEST_F(FeedCallsTest, RemoteWriteOfNothingNeedsNoWriter) {
  EXPECT_EQ(RemoteWrite("").status, 204);
  EXPECT_EQ(RemoteWrite(MetadataForTest(1, "up")).status, 204);
  EXPECT_THAT(writer_.lines, IsEmpty());
}

TEST_F(FeedCallsTest, ShapeComesFromTheQuery) {
  EXPECT_EQ(RemoteWrite(Up(), "step=15&slots=240").status, 204);
  EXPECT_EQ(Influx("m a=1 5", "db=x&slots=7&precision=s").status, 204);
  EXPECT_THAT(writer_.lines, ElementsAre("up,job=x 1@5 step 15 slots 240", "m_a 1@5 slots 7"));
  for (const char* query :
       {"step=0", "step=86401", "step=x", "slots=0", "slots=16777217", "slots=-1", "step=%zz"}) {
    EXPECT_EQ(RemoteWrite(Up(), query).status, 400) << query;
    EXPECT_EQ(Influx("m a=1 5", query).status, 400) << query;
  }
  EXPECT_EQ(writer_.lines.size(), 2);
}

TEST_F(FeedCallsTest, RemoteWriteChecksWhatItIsSent) {
  for (const char* type : {"application/x-protobuf", "Application/X-Protobuf",
                           "application/x-protobuf;proto=prometheus.WriteRequest", ""}) {
    EXPECT_EQ(RemoteWrite(Up(), "", type).status, 204) << type;
  }
  EXPECT_EQ(RemoteWrite(Up(), "", "application/x-protobuf", "Snappy", "").status, 204);
  writer_.lines.clear();
  EXPECT_EQ(RemoteWrite(Up(), "", "application/json").status, 415);
  EXPECT_EQ(
      RemoteWrite(Up(), "", "application/x-protobuf;proto=io.prometheus.write.v2.Request").status,
      415);
  EXPECT_EQ(RemoteWrite(Up(), "", "application/x-protobuf", "snappy", "2.0.0").status, 415);
  EXPECT_EQ(RemoteWrite(Up(), "", "application/x-protobuf", "gzip").status, 415);
  EXPECT_EQ(RemoteWrite(Up(), "", "application/x-protobuf", "").status, 415);
  const HttpAnswer broken = RemoteWrite("\x0a\x05");
  EXPECT_EQ(broken.status, 400);
  EXPECT_THAT(broken.body, HasSubstr("no remote write 1.0 request"));
  EXPECT_THAT(writer_.lines, IsEmpty());
}

TEST_F(FeedCallsTest, GoodSeriesAreWrittenWhereAnotherIsRefused) {
  const HttpAnswer answer = RemoteWrite(SeriesForTest({{"job", "x"}}, {{1, 5'000}}) + Up());
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("1 samples refused, the others written; series : no label"));
  EXPECT_THAT(writer_.lines, ElementsAre("up,job=x 1@5"));
  // Nothing left to write, and still to be told.
  EXPECT_EQ(RemoteWrite(SeriesForTest({{"job", "x"}}, {{1, 5'000}})).status, 400);
}

TEST_F(FeedCallsTest, KnownMetricsAreWrittenWhereThereMayBeNoMore) {
  rings_.Add({ring::MetricId(1), "up", {{"instance", "i"}, {"job", "x"}}, {}, {}}, {});
  const Status limit = SqlError(sqlstate::kStatementTooComplex, "there are 1 metrics");
  const std::string known = SeriesForTest({{"__name__", "up"}, {"job", "x"}, {"instance", "i"}},
                                          {{1, 5'000}, {2, 6'000}});
  const std::string fresh = SeriesForTest({{"__name__", "new"}}, {{1, 5'000}});
  writer_.answers = {limit};
  const HttpAnswer answer = RemoteWrite(fresh + known);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("1 samples refused, the others written; there are 1 metrics"));
  EXPECT_THAT(writer_.lines,
              ElementsAre("new 1@5", "up,job=x,instance=i 1@5", "up,job=x,instance=i 2@6",
                          "up,job=x,instance=i 1@5", "up,job=x,instance=i 2@6"));
  // Nothing is known, all is known, or the second write is refused too.
  writer_.lines.clear();
  writer_.answers = {limit};
  EXPECT_THAT(RemoteWrite(fresh).body, HasSubstr("1 samples refused"));
  EXPECT_THAT(writer_.lines, ElementsAre("new 1@5"));
  writer_.answers = {limit};
  EXPECT_THAT(RemoteWrite(known).body, HasSubstr(R"("detail":"there are 1 metrics")"));
  writer_.answers = {limit, SqlError(sqlstate::kDiskFull, "no room")};
  EXPECT_EQ(RemoteWrite(fresh + known).status, 503);
}

TEST_F(FeedCallsTest, AThreadThatMayNotWaitHandsTheCallOn) {
  const auto call = std::make_shared<HttpCall>();
  call->body = "m a=1 5";
  call->query = "precision=s";
  call->services = std::make_shared<HttpServices>(HttpServices{.writer = &writer_});
  call->held = std::make_shared<ByteBudget::Charge>(budget_);
  const auto slot = std::make_shared<AnswerSlot>();
  const HttpReply reply(slot);
  const HttpRoute& route = *router_.Find(HttpVerb::post, "/write").route;
  writer_.would_wait = true;
  EXPECT_FALSE(route.async(call, reply, MayWait::kNo));
  EXPECT_FALSE(slot->answered());
  EXPECT_THAT(writer_.lines, IsEmpty());
  EXPECT_TRUE(route.async(call, reply, MayWait::kYes));
  EXPECT_EQ(slot->Take().status, 204);
  EXPECT_THAT(writer_.lines, ElementsAre("m_a 1@5"));
}

TEST_F(FeedCallsTest, CountersAreThereBeforeTheFirstRequest) {
  const std::string text = Telemetry::Get().PrometheusText();
  for (const char* labels :
       {R"(feed="influx",reason="string")", R"(feed="remote_write",reason="refused")"}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("varve_feed_left_out_total{{{}}}", labels)));
  }
}

TEST_F(FeedCallsTest, FailuresSayWhetherToRepeat) {
  const auto status_for = [this](const Status& status) {
    writer_.answer = status;
    return RemoteWrite(Up()).status;
  };
  EXPECT_EQ(status_for(SqlError(sqlstate::kDiskFull, "no room")), 503);
  EXPECT_EQ(status_for(SqlError(sqlstate::kConfigurationLimitExceeded, "too many")), 503);
  EXPECT_EQ(status_for(Unavailable("stopping")), 503);
  EXPECT_EQ(status_for(InvalidArgument("value")), 400);
  writer_.answer = SqlError(sqlstate::kDiskFull, "no \"room\"");
  const HttpAnswer influx = Influx("m a=1 5");
  EXPECT_EQ(influx.status, 503);
  EXPECT_EQ(influx.body, R"({"detail":"no \"room\"","error":"no \"room\"","code":"unavailable",)"
                         R"("message":"no \"room\""})");
}

TEST_F(FeedCallsTest, TooManyBytesOfAllCallsAreRefused) {
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "m a=1\n";
  EXPECT_EQ(Influx(lines).status, 503);
  EXPECT_THAT(writer_.lines, IsEmpty());
  EXPECT_EQ(Influx("m a=1").status, 204);
}

TEST_F(FeedCallsTest, LineProtocolTakesWhatClientsOfBothVersionsSend) {
  EXPECT_EQ(Influx("cpu,host=a user=1,idle=2i 7", "db=x&u=u&p=p&rp=&precision=s").status, 204);
  EXPECT_EQ(Influx("cpu,host=a user=3 7000", "org=o&bucket=b&precision=ms", "/api/v2/write").status,
            204);
  EXPECT_EQ(Influx("cpu user=4", "").status, 204);
  EXPECT_EQ(Influx("cpu user=5 8000000000", "").status, 204);
  EXPECT_THAT(writer_.lines,
              ElementsAre("cpu_user,host=a 1@7", "cpu_idle,host=a 2@7", "cpu_user,host=a 3@7",
                          "cpu_user 4@1700000000", "cpu_user 5@8"));
}

TEST_F(FeedCallsTest, LineProtocolIsAllOrNothing) {
  const HttpAnswer answer = Influx("m a=1 1\nm a=x 2");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr(R"("error":"unable to parse line 2, 'm a=x 2')"));
  EXPECT_THAT(answer.body, HasSubstr(R"("code":"invalid")"));
  EXPECT_EQ(Influx("m a=1", "precision=d").status, 400);
  EXPECT_THAT(writer_.lines, IsEmpty());
}

TEST_F(FeedCallsTest, ClientsFindTheServerWell) {
  const HttpAnswer ping = Start(HttpVerb::get, "/ping", "", "", {})->Take();
  EXPECT_EQ(ping.status, 204);
  ASSERT_EQ(ping.fields.size(), 1);
  EXPECT_EQ(ping.fields[0].first, "X-Influxdb-Version");
  EXPECT_EQ(Start(HttpVerb::get, "/health", "", "", {})->Take().body,
            R"({"name":"varve","message":"ready for writes","checks":[],"status":"pass"})");
  ready_ = Unavailable("replaying");
  const HttpAnswer health = Start(HttpVerb::get, "/health", "", "", {})->Take();
  EXPECT_EQ(health.status, 503);
  EXPECT_THAT(health.body, HasSubstr(R"("message":"replaying","checks":[],"status":"fail")"));
}

TEST(SnappyBodyTest, IsUnpackedWithinTheBoundOfBodies) {
  const auto decode = [](std::string packed, size_t max, std::string* plain = nullptr) {
    const DecodeOutcome outcome = DecodeBody("snappy", max, packed);
    if (plain != nullptr) *plain = packed;
    return outcome;
  };
  // A block by hand: its size, then one literal.
  const std::string block = std::string("\x05\x10", 2) + "hello";
  std::string plain;
  EXPECT_EQ(decode(block, 5, &plain), DecodeOutcome::kOk);
  EXPECT_EQ(plain, "hello");
  EXPECT_EQ(decode(block, 4), DecodeOutcome::kTooLarge);
  EXPECT_EQ(decode(block.substr(0, 6), 5), DecodeOutcome::kDamaged);
  EXPECT_EQ(decode("", 5), DecodeOutcome::kDamaged);
  // It says 4 GB and has one byte: that must not make us take the memory.
  EXPECT_EQ(decode("\xff\xff\xff\xff\x0fx", 1 << 20), DecodeOutcome::kTooLarge);
}

}  // namespace
}  // namespace varve::server
