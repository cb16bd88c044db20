#include "io/aws/sign.h"

#include <absl/time/time.h>
#include <gtest/gtest.h>

#include "io/aws/digest.h"

namespace varve::io::aws {
namespace {

constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

int64_t Time(absl::CivilSecond when) {
  return absl::ToUnixMicros(absl::FromCivil(when, absl::UTCTimeZone()));
}

std::string Find(const std::vector<HttpHeader>& headers, std::string_view name) {
  for (const HttpHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

std::string SignatureOf(const std::vector<HttpHeader>& headers) {
  const std::string value = Find(headers, "Authorization");
  return value.substr(value.rfind('=') + 1);
}

// AWS's own test suite for Signature Version 4 (region us-east-1, service "service", 2015-08-30).
class SuiteTest : public ::testing::Test {
 protected:
  std::string Signature(SignedParts parts, const std::string& token = "") {
    parts.headers.insert(parts.headers.begin(), {"Host", "example.amazonaws.com"});
    if (parts.payload_sha256.empty()) parts.payload_sha256 = kEmptySha256;
    return SignatureOf(
        Sign(parts, {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token},
             {"us-east-1", "service"}, Time(absl::CivilSecond(2015, 8, 30, 12, 36, 0))));
  }
};

TEST_F(SuiteTest, MethodsAndTokens) {
  EXPECT_EQ(Signature({.method = "GET", .path = "/"}),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(Signature({.method = "POST", .path = "/"}),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  EXPECT_EQ(Signature({.method = "GET", .path = "/"},
                      "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"),
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8");
}

TEST_F(SuiteTest, Paths) {
  EXPECT_EQ(Signature({.method = "GET", .path = "/ሴ"}),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
  EXPECT_EQ(Signature({.method = "GET", .path = "/example space/"}),
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
  EXPECT_EQ(Signature({.method = "GET", .path = "/./example"}),
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5");
  EXPECT_EQ(Signature({.method = "GET", .path = "/example1/example2/../.."}),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(Signature({.method = "GET", .path = "//example//"}),
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84");
}

TEST_F(SuiteTest, Queries) {
  EXPECT_EQ(Signature({.method = "GET",
                       .path = "/",
                       .query = {{"Param-3", "Value3"}, {"Param", "Value2"}, {"ሴ", "Value1"}}}),
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac");
  EXPECT_EQ(
      Signature(
          {.method = "GET", .path = "/", .query = {{"Param2", "value2"}, {"Param1", "value1"}}}),
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  EXPECT_EQ(Signature({.method = "GET", .path = "/", .query = {{"ሴ", "bar"}}}),
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
}

TEST_F(SuiteTest, HeadersAndBody) {
  EXPECT_EQ(Signature({.method = "GET",
                       .path = "/",
                       .headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}}),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
  EXPECT_EQ(Signature({.method = "GET",
                       .path = "/",
                       .headers = {{"My-Header1", "value2"},
                                   {"My-Header1", "value2"},
                                   {"My-Header1", "value1"}}}),
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea");
  const std::string sha256 = PayloadSha256("Param1=value1");
  EXPECT_EQ(Signature({.method = "POST",
                       .path = "/",
                       .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                                   {"Content-Length", "13"},
                                   {"x-amz-content-sha256", sha256}},
                       .payload_sha256 = sha256}),
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b");
}

// The examples of Amazon S3's API reference, "Authorization header".
class S3ExampleTest : public ::testing::Test {
 protected:
  std::vector<HttpHeader> Signed(SignedParts parts) {
    parts.headers.insert(parts.headers.begin(), {"Host", "examplebucket.s3.amazonaws.com"});
    if (parts.payload_sha256.empty()) parts.payload_sha256 = kEmptySha256;
    return Sign(parts, {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
                {"us-east-1", "s3"}, Time(absl::CivilSecond(2013, 5, 24, 0, 0, 0)));
  }
};

TEST_F(S3ExampleTest, GetPutAndList) {
  const std::vector<HttpHeader> get =
      Signed({.method = "GET", .path = "/test.txt", .headers = {{"Range", "bytes=0-9"}}});
  EXPECT_EQ(Find(get, "X-Amz-Date"), "20130524T000000Z");
  EXPECT_EQ(Find(get, "X-Amz-Content-Sha256"), kEmptySha256);
  EXPECT_EQ(Find(get, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  const std::string sha256 = PayloadSha256("Welcome to Amazon S3.");
  EXPECT_EQ(SignatureOf(Signed({.method = "PUT",
                                .path = "/test$file.text",
                                .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                            {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                .payload_sha256 = sha256})),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  EXPECT_EQ(SignatureOf(Signed({.method = "GET", .path = "/", .query = {{"lifecycle", ""}}})),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(SignatureOf(Signed(
                {.method = "GET", .path = "/", .query = {{"max-keys", "2"}, {"prefix", "J"}}})),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// An object's name may hold what looks like a path to be tidied up.
TEST_F(S3ExampleTest, PathsAreTakenAsTheyAre) {
  EXPECT_NE(SignatureOf(Signed({.method = "GET", .path = "//a/../b"})),
            SignatureOf(Signed({.method = "GET", .path = "/b"})));
}

TEST(EncodeTest, KeepsWhatAwsKeeps) {
  EXPECT_EQ(EncodeUri("aZ9-._~"), "aZ9-._~");
  EXPECT_EQ(EncodeUri("a b+c/d=é"), "a%20b%2Bc%2Fd%3D%C3%A9");
  EXPECT_EQ(EncodePath("/t/date=2024-01-01/x y.parquet"), "/t/date%3D2024-01-01/x%20y.parquet");
  EXPECT_EQ(EncodeQuery({{"b", "2"}, {"a", ""}, {"a", "1 2"}}), "a=&a=1%202&b=2");
}

TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(ToHex(Sha256("")), kEmptySha256);
  EXPECT_EQ(ToBase64(Md5("")), "1B2M2Y8AsgTpgAmY7PhCfg==");  // RFC 1321 with RFC 1864's form
  // RFC 4231, test case 2.
  EXPECT_EQ(ToHex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace varve::io::aws
