#include "server/http/remote_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <deque>
#include <limits>

#include "server/http/remote_write_for_test.h"

namespace varve::server {
namespace {

using ring::MetricType;
using testing::ElementsAre;
using testing::HasSubstr;

// What a sample says, in one line.
std::string Print(const ingest::SampleInput& sample) {
  std::string text(sample.name);
  for (const auto& tag : sample.tags) text += fmt::format(",{}={}", tag.key, tag.value);
  if (sample.type == MetricType::kCounter) text += " counter";
  return text + fmt::format(" {}@{}", sample.value, sample.ts);
}

std::vector<std::string> PrintAll(const FeedBatch& batch, const FeedShape& shape = {}) {
  std::vector<std::string> lines;
  for (const auto& sample : batch.Inputs(shape)) lines.push_back(Print(sample));
  return lines;
}

RemoteWrite Decode(std::string_view message) {
  // What is decoded has views into it.
  static auto* const kept = new std::deque<std::string>;
  auto decoded = DecodeRemoteWrite(kept->emplace_back(message));
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return decoded.ok() ? *std::move(decoded) : RemoteWrite{};
}

std::string ErrorOf(std::string_view message) {
  const auto decoded = DecodeRemoteWrite(message);
  EXPECT_EQ(decoded.status().code(), StatusCode::kInvalidArgument);
  return std::string(MessageOf(decoded.status()));
}

TEST(RemoteWriteTest, TakesNameTagsAndSamplesOfEachSeries) {
  const RemoteWrite write =
      Decode(SeriesForTest({{"__name__", "up"}, {"instance", "a:1"}, {"job", "x"}}, {{1, 60'000}}) +
             SeriesForTest({{"__name__", "heat"}}, {{20.5, 61'000}, {21.5, 62'999}}));
  EXPECT_THAT(PrintAll(write.batch),
              ElementsAre("up,instance=a:1,job=x 1@60", "heat 20.5@61", "heat 21.5@62"));
  EXPECT_EQ(write.refused, 0);
}

TEST(RemoteWriteTest, ShapeIsAWishForNewMetrics) {
  const RemoteWrite write = Decode(SeriesForTest({{"__name__", "up"}}, {{1, 60'000}}));
  const auto inputs = write.batch.Inputs({.step_seconds = 15, .slots = 240});
  ASSERT_EQ(inputs.size(), 1);
  EXPECT_EQ(inputs[0].step_seconds, 15);
  EXPECT_EQ(inputs[0].slots, 240);
  EXPECT_TRUE(inputs[0].shape_if_new);
  EXPECT_FALSE(write.batch.Inputs({})[0].step_seconds.has_value());
}

TEST(RemoteWriteTest, AnEmptyRequestHasNoSamples) {
  EXPECT_EQ(Decode("").batch.size(), 0);
  EXPECT_EQ(Decode(MetadataForTest(1, "up")).batch.size(), 0);
  EXPECT_EQ(Decode(SeriesForTest({{"__name__", "up"}}, {})).batch.size(), 0);
}

TEST(RemoteWriteTest, LeavesOutWhatIsNotFiniteAndCountsIt) {
  const double stale = std::bit_cast<double>(uint64_t{0x7ff0000000000002});
  const RemoteWrite write =
      Decode(SeriesForTest({{"__name__", "up"}}, {{stale, 1'000},
                                                  {std::numeric_limits<double>::quiet_NaN(), 2'000},
                                                  {std::numeric_limits<double>::infinity(), 3'000},
                                                  {4, 4'000}}));
  EXPECT_THAT(PrintAll(write.batch), ElementsAre("up 4@4"));
  EXPECT_EQ(write.not_finite, 3);
  EXPECT_EQ(write.refused, 0);
}

TEST(RemoteWriteTest, TypeFollowsTheNameWithoutMetadata) {
  std::string message;
  for (const char* name : {"a_total", "b_bucket", "c_count", "d_sum", "total", "e_totals"}) {
    message += SeriesForTest({{"__name__", name}}, {{1, 1'000}});
  }
  EXPECT_THAT(PrintAll(Decode(message).batch),
              ElementsAre("a_total counter 1@1", "b_bucket counter 1@1", "c_count counter 1@1",
                          "d_sum counter 1@1", "total 1@1", "e_totals 1@1"));
}

TEST(RemoteWriteTest, MetadataOverrulesTheName) {
  std::string message;
  for (const char* name :
       {"a", "b_total", "c_sum", "c", "d_count", "e_count", "f_count", "g_bucket"}) {
    message += SeriesForTest({{"__name__", name}}, {{1, 1'000}});
  }
  // Counter, gauge, summary, gauge histogram, gauge, unknown, histogram.
  message += MetadataForTest(1, "a") + MetadataForTest(2, "b_total") + MetadataForTest(5, "c") +
             MetadataForTest(4, "d") + MetadataForTest(2, "e_count") + MetadataForTest(0, "f") +
             MetadataForTest(3, "g");
  EXPECT_THAT(
      PrintAll(Decode(message).batch),
      ElementsAre("a counter 1@1", "b_total 1@1", "c_sum counter 1@1", "c 1@1", "d_count 1@1",
                  "e_count 1@1", "f_count counter 1@1", "g_bucket counter 1@1"));
}

TEST(RemoteWriteTest, CountsExemplarsAndHistogramsAndPassesOverWhatIsNew) {
  const RemoteWrite write =
      Decode(SeriesForTest({{"__name__", "up"}}, {{1, 1'000}},
                           BytesFieldForTest(3, "any") + BytesFieldForTest(4, "thing") +
                               BytesFieldForTest(4, "") + NumberFieldForTest(9, 7)) +
             BytesFieldForTest(8, "of a later version"));
  EXPECT_THAT(PrintAll(write.batch), ElementsAre("up 1@1"));
  EXPECT_EQ(write.exemplars, 1);
  EXPECT_EQ(write.histograms, 2);
}

TEST(RemoteWriteTest, LabelsAfterSamplesAndEmptyLabelsAreRight) {
  const std::string label =
      BytesFieldForTest(1, BytesFieldForTest(1, "__name__") + BytesFieldForTest(2, "late"));
  const RemoteWrite write =
      Decode(SeriesForTest({{"gone", ""}, {"zone", "z"}}, {{1, 1'000}}, label));
  EXPECT_THAT(PrintAll(write.batch), ElementsAre("late,zone=z 1@1"));
}

// One bad series among good ones: they are written, it is refused.
std::string RefusalOf(const LabelsForTest& labels, int64_t milliseconds = 1'000) {
  const std::string good = SeriesForTest({{"__name__", "good"}, {"a", "b"}}, {{1, 1'000}});
  const RemoteWrite write = Decode(good + SeriesForTest(labels, {{1, milliseconds}}) + good);
  EXPECT_THAT(PrintAll(write.batch), ElementsAre("good,a=b 1@1", "good,a=b 1@1"));
  EXPECT_EQ(write.refused, 1);
  return write.refusal;
}

TEST(RemoteWriteTest, RefusesASeriesThatNoRingCanHaveAndTakesTheOthers) {
  EXPECT_EQ(RefusalOf({{"job", "x"}}), "series : no label __name__");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}, {"", "x"}}), "series n: a tag needs a key");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}, {"a", "x"}, {"a", "y"}}), "series n: a label twice");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}, {"a", "x"}, {"b", "y"}, {"a", "y"}}),
            "series n: a label twice");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}, {"__name__", "m"}}), "series m: two names");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}, {"a", "\xff"}}), "series n: a label that is not UTF-8");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}, {"a", std::string("x\0y", 3)}}),
            "series n: the value of a tag has a NUL byte");
  EXPECT_THAT(RefusalOf({{"__name__", std::string("x\0y", 3)}}),
              HasSubstr("the name has a NUL byte"));
  EXPECT_THAT(RefusalOf({{"__name__", std::string(1025, 'n')}}),
              HasSubstr("a metric's name has at most 1024 bytes"));
  EXPECT_THAT(RefusalOf({{"__name__", "n"}, {std::string(257, 'k'), "x"}}),
              HasSubstr("a tag's key has at most 256 bytes"));
  EXPECT_THAT(RefusalOf({{"__name__", "n"}, {"k", std::string(4097, 'v')}}),
              HasSubstr("a tag's value has at most 4096 bytes"));
  LabelsForTest many = {{"__name__", "n"}};
  for (int i = 0; i < 65; ++i) many.emplace_back(fmt::format("k{:02}", i), "v");
  EXPECT_THAT(RefusalOf(many), HasSubstr("too many labels"));
}

TEST(RemoteWriteTest, RefusesTimesThatNoWindowHas) {
  EXPECT_EQ(RefusalOf({{"__name__", "n"}}, -1), "series n: a time before 1970 or after 2106");
  EXPECT_EQ(RefusalOf({{"__name__", "n"}}, 4'294'967'296'000),
            "series n: a time before 1970 or after 2106");
  const RemoteWrite last = Decode(SeriesForTest({{"__name__", "n"}}, {{1, 4'294'967'295'999}}));
  EXPECT_THAT(PrintAll(last.batch), ElementsAre("n 1@4294967295"));
}

TEST(RemoteWriteTest, TakesLabelsAtTheirLimits) {
  LabelsForTest labels = {{"__name__", std::string(1024, 'n')}};
  for (int i = 0; i < 63; ++i) labels.emplace_back(fmt::format("k{:02}", i), "v");
  labels.emplace_back(std::string(256, 'l'), std::string(4096, 'v'));
  const RemoteWrite write = Decode(SeriesForTest(labels, {{1, 1'000}}));
  EXPECT_EQ(write.refused, 0);
  EXPECT_EQ(write.batch.Inputs({})[0].tags.size(), 64);
}

TEST(RemoteWriteTest, BrokenBytesAreRefusedWhole) {
  const std::string whole = SeriesForTest({{"__name__", "up"}, {"a", "b"}}, {{1, 1'000}});
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THAT(ErrorOf(whole.substr(0, size)), HasSubstr("no remote write 1.0 request"));
  }
  EXPECT_THAT(ErrorOf(NumberFieldForTest(1, 5)), HasSubstr("a series that is no message"));
  EXPECT_THAT(ErrorOf(BytesFieldForTest(1, NumberFieldForTest(2, 5))), HasSubstr("of no message"));
  EXPECT_THAT(ErrorOf(BytesFieldForTest(1, "\x0a\x05")), HasSubstr("a broken series"));
  EXPECT_THAT(ErrorOf(BytesFieldForTest(1, BytesFieldForTest(1, "\x0a"))),
              HasSubstr("a broken label"));
  EXPECT_THAT(ErrorOf(BytesFieldForTest(1, BytesFieldForTest(2, "\x09 1"))),
              HasSubstr("a broken sample"));
  EXPECT_THAT(ErrorOf(BytesFieldForTest(3, "\x08")), HasSubstr("broken metadata"));
  EXPECT_THAT(ErrorOf("\x0b"), HasSubstr("broken protobuf"));                      // A group.
  EXPECT_THAT(ErrorOf(std::string("\x00\x00", 2)), HasSubstr("broken protobuf"));  // Field 0.
  EXPECT_THAT(ErrorOf("\x08" + std::string(10, '\xff')), HasSubstr("broken protobuf"));
  EXPECT_THAT(ErrorOf("\x40" + std::string(10, '\xff') + "\x01"), HasSubstr("broken protobuf"));
}

TEST(RemoteWriteTest, LimitsHowManySamplesARequestHas) {
  std::string series;
  for (size_t i = 0; i <= kRequestSamplesMax; ++i) series += BytesFieldForTest(2, "");
  const auto decoded = DecodeRemoteWrite(BytesFieldForTest(1, series));
  EXPECT_EQ(decoded.status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace varve::server
