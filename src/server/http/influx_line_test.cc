#include "server/http/influx_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace varve::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kNow = 1'700'000'000;
constexpr InfluxPrecision kSeconds{1, 1};

std::string Print(const ingest::SampleInput& sample) {
  std::string text(sample.name);
  for (const auto& tag : sample.tags) text += fmt::format("|{}={}", tag.key, tag.value);
  EXPECT_EQ(sample.type, ring::MetricType::kGauge);
  return text + fmt::format("|{}@{}", sample.value, sample.ts);
}

std::vector<std::string> Decode(std::string_view body, InfluxPrecision precision = kSeconds) {
  const auto lines = DecodeInfluxLines(body, precision, kNow);
  EXPECT_TRUE(lines.ok()) << lines.status();
  std::vector<std::string> printed;
  if (!lines.ok()) return printed;
  for (const auto& sample : lines->batch.Inputs({})) printed.push_back(Print(sample));
  return printed;
}

std::string ErrorOf(std::string_view body, InfluxPrecision precision = kSeconds) {
  const auto lines = DecodeInfluxLines(body, precision, kNow);
  EXPECT_EQ(lines.status().code(), StatusCode::kInvalidArgument) << body;
  return std::string(MessageOf(lines.status()));
}

TEST(InfluxLineTest, EachFieldIsAMetric) {
  EXPECT_THAT(Decode("cpu,host=a,cpu=0 user=1.5,system=2i,idle=3u 100\nmem free=4 101"),
              ElementsAre("cpu_user|host=a|cpu=0|1.5@100", "cpu_system|host=a|cpu=0|2@100",
                          "cpu_idle|host=a|cpu=0|3@100", "mem_free|4@101"));
}

TEST(InfluxLineTest, AFieldNamedValueGivesTheMeasurementsName) {
  EXPECT_THAT(Decode("heat value=1,values=2 5"), ElementsAre("heat|1@5", "heat_values|2@5"));
}

TEST(InfluxLineTest, ReadsAllTypesOfValues) {
  EXPECT_THAT(Decode("m a=-1,b=+1,c=1.,d=.5,e=1e3,f=1.5E-1,g=-7i,h=18446744073709551615u 1"),
              ElementsAre("m_a|-1@1", "m_b|1@1", "m_c|1@1", "m_d|0.5@1", "m_e|1000@1", "m_f|0.15@1",
                          "m_g|-7@1", "m_h|1.8446744073709552e+19@1"));
  EXPECT_THAT(Decode("m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE 1"),
              ElementsAre("m_a|1@1", "m_b|1@1", "m_c|1@1", "m_d|1@1", "m_e|1@1", "m_f|0@1",
                          "m_g|0@1", "m_h|0@1", "m_i|0@1", "m_j|0@1"));
}

TEST(InfluxLineTest, LeavesOutStringsAndCountsThem) {
  const std::string_view body =
      "m a=\"x, y=1 2\",b=1,c=\"\\\"quoted\\\" \\\\\" 1\n"
      "m only=\"a string\",of=\"two\nlines # here\" 2\n"
      "m b=2 3\n";
  const auto lines = DecodeInfluxLines(body, kSeconds, kNow);
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(lines->strings, 4);
  EXPECT_THAT(Decode(body), ElementsAre("m_b|1@1", "m_b|2@3"));
}

TEST(InfluxLineTest, TakesEscapesOutOfNamesAndTags) {
  EXPECT_THAT(Decode("my\\ m\\,x,tag\\ k\\=\\,=v\\ \\=\\,w my\\ f\\=\\,=1 1"),
              ElementsAre("my m,x_my f=,|tag k=,=v =,w|1@1"));
  // Backslashes before other characters are text; an equals sign needs none in a measurement.
  EXPECT_THAT(Decode("a\\b=c\\=,t=C:\\x\\\\y f=1 1"), ElementsAre("a\\b=c\\=_f|t=C:\\x\\\\y|1@1"));
}

TEST(InfluxLineTest, PassesOverCommentsEmptyLinesAndSpareSpaces) {
  EXPECT_THAT(Decode("# a comment, with = signs\r\n\r\n\n  m a=1 1  \r\n   \nm  a=2   2\r\n#end"),
              ElementsAre("m_a|1@1", "m_a|2@2"));
  EXPECT_THAT(Decode(""), IsEmpty());
}

TEST(InfluxLineTest, TimesAreFlooredAndNowWhenMissing) {
  EXPECT_THAT(Decode("m a=1", InfluxPrecision{}), ElementsAre("m_a|1@1700000000"));
  EXPECT_THAT(Decode("m a=1 \r\n"), ElementsAre("m_a|1@1700000000"));
  for (const auto& [name, time] :
       std::vector<std::pair<const char*, const char*>>{{"", "7200999999999"},
                                                        {"n", "7200999999999"},
                                                        {"ns", "7200999999999"},
                                                        {"u", "7200999999"},
                                                        {"us", "7200999999"},
                                                        {"ms", "7200999"},
                                                        {"s", "7200"},
                                                        {"m", "120"},
                                                        {"h", "2"}}) {
    const auto precision = ParseInfluxPrecision(name);
    ASSERT_TRUE(precision.ok()) << name;
    EXPECT_THAT(Decode(fmt::format("m a=1 {}", time), *precision), ElementsAre("m_a|1@7200"));
  }
  EXPECT_FALSE(ParseInfluxPrecision("d").ok());
  EXPECT_THAT(Decode("m a=1 4294967295"), ElementsAre("m_a|1@4294967295"));
}

TEST(InfluxLineTest, SaysWhichLineIsWrongAndWhy) {
  EXPECT_EQ(ErrorOf("m a=1 1\n\n# x\nm a=1x 2\nm a=3 3"),
            "unable to parse line 4, 'm a=1x 2': invalid number or boolean");
  EXPECT_EQ(ErrorOf("m a=\"two\nlines\" 1\nm a= 2"),
            "unable to parse line 3, 'm a= 2': missing field value");
  const std::string cut = ErrorOf("m " + std::string(1000, 'x'));
  EXPECT_THAT(cut, HasSubstr("missing field value"));
  EXPECT_LT(cut.size(), 200);
}

TEST(InfluxLineTest, RefusesWhatIsNotLineProtocol) {
  for (const auto& [line, why] : std::vector<std::pair<std::string, const char*>>{
           {",t=v a=1", "missing measurement"},
           {"m", "missing fields"},
           {"m,t=v", "missing fields"},
           {"m,t=v ", "missing fields"},
           {"m, a=1", "missing tag key"},
           {"m,=v a=1", "missing tag key"},
           {"m,t a=1", "missing tag value"},
           {"m,t= a=1", "missing tag value"},
           {"m,t=v=w a=1", "an equals sign in a tag value"},
           {"m,t=v,t=w a=1", "duplicate tag"},
           {"m =1", "missing field key"},
           {"m a", "missing field value"},
           {"m a=", "missing field value"},
           {"m a=1,", "missing fields"},
           {"m a=1,b", "missing field value"},
           {"m a=1, 5", "missing field key"},
           {"m a=nan", "invalid number"},
           {"m a=inf", "invalid number"},
           {"m a=-inf", "invalid number"},
           {"m a=0x10", "invalid number"},
           {"m a=1e999", "invalid number"},
           {"m a=1e", "invalid number"},
           {"m a=--1", "invalid number"},
           {"m a=1.5i", "invalid number"},
           {"m a=9223372036854775808i", "invalid number"},
           {"m a=-1u", "invalid number"},
           {"m a=i", "invalid number"},
           {"m a=yes", "invalid number"},
           {"m a=\"x", "unbalanced quotes"},
           {"m a=\"x\\\"", "unbalanced quotes"},
           {"m a=\"x\"y", "text after a string"},
           {"m a=1 1 2", "bad timestamp"},
           {"m a=1 1.5", "bad timestamp"},
           {"m a=1 99999999999999999999", "bad timestamp"},
           {"m a=1 -1", "a time before 1970"},
           {"m a=1 4294967296", "a time before 1970"},
           {std::string("m\0x a=1", 7), "a NUL byte"},
           {"m,t=" + std::string(4097, 'x') + " a=1", "a tag's value has at most 4096 bytes"},
           {"m," + std::string(257, 'x') + "=v a=1", "a tag's key has at most 256 bytes"},
           {std::string(1023, 'm') + " a=1", "measurement and field key too long"}}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr(why)) << line;
  }
  EXPECT_EQ(ErrorOf("m a=1\xff 1"), "the body is not UTF-8");
  std::string tags = "m";
  for (int i = 0; i < 65; ++i) tags += fmt::format(",t{}=v", i);
  EXPECT_THAT(ErrorOf(tags + " a=1"), HasSubstr("too many tags"));
  EXPECT_THAT(ErrorOf("m a=1 2000000", InfluxPrecision{1, 3600}), HasSubstr("a time before 1970"));
  // Would overflow if it were multiplied before it is compared.
  EXPECT_THAT(ErrorOf("m a=1 9223372036854775807", InfluxPrecision{1, 3600}),
              HasSubstr("a time before 1970 or after 2106"));
}

TEST(InfluxLineTest, LimitsHowManySamplesARequestHas) {
  std::string body;
  for (size_t i = 0; i <= kRequestSamplesMax; ++i) body += "m value=1\n";
  const auto lines = DecodeInfluxLines(body, kSeconds, kNow);
  EXPECT_EQ(lines.status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace varve::server
