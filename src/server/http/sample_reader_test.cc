#include "server/http/sample_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "server/http/http_limits.h"

namespace varve::server {
namespace {

using ::testing::HasSubstr;

std::string Refusal(SampleForm form, std::string body) {
  SampleReader reader;
  return std::string(MessageOf(reader.Read(form, body).status()));
}

TEST(SampleReaderTest, ReadsAllFields) {
  SampleReader reader;
  std::string body =
      R"({"samples":[{"name":"cpu","tags":{"b":"2","a":"1"},"ts":5,"value":1.5,"step":10,"slots":60},)"
      R"({"metric_id":7,"type":"counter","ts":-6,"value":3},{"name":"x","ts":0,"value":-0.0}]})";
  const auto samples = reader.Read(SampleForm::kBatch, body);
  ASSERT_TRUE(samples.ok()) << samples.status();
  ASSERT_EQ(samples->size(), 3u);
  const ingest::SampleInput& first = (*samples)[0];
  EXPECT_EQ(first.name, "cpu");
  ASSERT_EQ(first.tags.size(), 2u);
  EXPECT_EQ(first.tags[0].key, "b");
  EXPECT_EQ(first.tags[1].value, "1");
  EXPECT_EQ(first.step_seconds, 10u);
  EXPECT_EQ(first.slots, 60u);
  EXPECT_EQ(first.value, 1.5);
  EXPECT_FALSE(first.type.has_value());
  const ingest::SampleInput& second = (*samples)[1];
  EXPECT_EQ(second.metric, ring::MetricId(7));
  EXPECT_EQ(second.type, ring::MetricType::kCounter);
  EXPECT_EQ(second.ts, -6);
  EXPECT_TRUE(second.tags.empty());
  EXPECT_TRUE((*samples)[2].tags.empty());
}

TEST(SampleReaderTest, TheCallSaysTheTypeAndTheNameOfTheValue) {
  SampleReader reader;
  std::string counter = R"({"name":"x","ts":1,"raw_value":2})";
  EXPECT_EQ(reader.Read(SampleForm::kCounter, counter)->front().type, ring::MetricType::kCounter);
  std::string gauge = R"({"name":"x","ts":1,"value":2})";
  EXPECT_EQ(reader.Read(SampleForm::kGauge, gauge)->front().type, ring::MetricType::kGauge);
  EXPECT_EQ(Refusal(SampleForm::kGauge, counter), "value: required");
  EXPECT_EQ(Refusal(SampleForm::kCounter, gauge), "raw_value: required");
}

TEST(SampleReaderTest, ATypeIsANumberOrAName) {
  const auto type_of = [](std::string_view type) {
    SampleReader reader;
    std::string body =
        fmt::format(R"({{"samples":[{{"name":"x","ts":1,"value":2,"type":{}}}]}})", type);
    const auto samples = reader.Read(SampleForm::kBatch, body);
    return samples.ok() ? samples->front().type : std::nullopt;
  };
  EXPECT_EQ(type_of("0"), ring::MetricType::kGauge);
  EXPECT_EQ(type_of("\"gauge\""), ring::MetricType::kGauge);
  EXPECT_EQ(type_of("1"), ring::MetricType::kCounter);
  EXPECT_EQ(type_of("\"counter\""), ring::MetricType::kCounter);
  for (const char* bad : {"2", "-1", "1.0", "\"1\"", "true", "[]", "18446744073709551615"}) {
    EXPECT_EQ(type_of(bad), std::nullopt) << bad;
  }
}

TEST(SampleReaderTest, ABatchIsBounded) {
  const auto batch_of = [](size_t count) {
    std::string body = R"({"samples":[)";
    for (size_t i = 0; i < count; ++i) body += R"({"metric_id":1,"ts":1,"value":2},)";
    body.back() = ']';
    return body + '}';
  };
  SampleReader reader;
  std::string most = batch_of(kRequestSamplesMax);
  const auto samples = reader.Read(SampleForm::kBatch, most);
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_GE(reader.bytes(), kRequestSamplesMax * sizeof(ingest::SampleInput));
  std::string more = batch_of(kRequestSamplesMax + 1);
  EXPECT_EQ(reader.Read(SampleForm::kBatch, more).status().code(), StatusCode::kResourceExhausted);
}

TEST(SampleReaderTest, RefusalsNameTheFieldAndTheSample) {
  const std::string good = R"({"name":"x","ts":1,"value":2})";
  EXPECT_THAT(Refusal(SampleForm::kBatch, R"({"samples":[)" + good + R"(,{"name":"x","ts":1}]})"),
              HasSubstr("samples[1]: value: required"));
  EXPECT_THAT(Refusal(SampleForm::kBatch, good), HasSubstr("samples: required"));
  EXPECT_THAT(Refusal(SampleForm::kGauge, R"({"name":"x","ts":1,"value":2,"value":2})"),
              HasSubstr("value: is there twice"));
  EXPECT_THAT(Refusal(SampleForm::kGauge, R"({"name":"x","ts":1.0,"value":2})"),
              HasSubstr("ts: must be an integer"));
  std::string many = R"({"name":"x","ts":1,"value":2,"tags":{)";
  for (size_t i = 0; i <= ring::kTagsMax; ++i)
    many += fmt::format(R"({}"t{}":"")", i > 0 ? "," : "", i);
  EXPECT_THAT(Refusal(SampleForm::kGauge, many + "}}"), HasSubstr("tags: at most 64"));
}

}  // namespace
}  // namespace varve::server
