#include "io/s3/s3_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace varve::io {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t k2009 = 1'255'369'850'000'000;  // 2009-10-12T17:50:50Z

TEST(S3XmlTest, ReadsAListing) {
  const auto listing = ReadListing(R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
 <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
 <Contents><Key>t/date%3D2024/a%2Bb+c%25.parquet</Key><LastModified>2009-10-12T17:50:50.250Z</LastModified>
  <ETag>&quot;x&quot;</ETag><Size>434234</Size></Contents>
 <Contents><Key>u</Key><LastModified>2009-10-12T17:50:50Z</LastModified><Size>0</Size></Contents>
 <CommonPrefixes><Prefix>t/%C3%A9/</Prefix></CommonPrefixes>
 <NextContinuationToken>1+/=&amp;</NextContinuationToken></ListBucketResult>)");
  ASSERT_TRUE(listing.ok()) << listing.status();
  ASSERT_EQ(listing->objects.size(), 2u);
  EXPECT_EQ(listing->objects[0].name, "t/date=2024/a+b c%.parquet");
  EXPECT_EQ(listing->objects[0].bytes, 434'234u);
  EXPECT_EQ(listing->objects[0].modified_us, k2009 + 250'000);
  EXPECT_EQ(listing->objects[1].modified_us, k2009);
  EXPECT_THAT(listing->folders, ElementsAre("t/é/"));
  EXPECT_EQ(listing->continuation, "1+/=&");
}

TEST(S3XmlTest, KeysWithoutEncodingAreTakenAsTheyAre) {
  const auto listing = ReadListing(
      "<ListBucketResult><Contents><Key>a%2Bb&lt;+</Key><LastModified>2009-10-12T17:50:50Z"
      "</LastModified><Size>1</Size></Contents><IsTruncated>false</IsTruncated></"
      "ListBucketResult>");
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_EQ(listing->objects[0].name, "a%2Bb<+");
  EXPECT_EQ(listing->continuation, "");
}

TEST(S3XmlTest, RefusesWhatIsNoListing) {
  for (const std::string_view body :
       {"", "hello", "<html></html>", "<ListBucketResult><Contents>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>1</Size><LastModified>soon</LastModified>"
        "</Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_EQ(ReadListing(body).status().code(), StatusCode::kUnavailable) << body;
  }
}

TEST(S3XmlTest, KnowsNoEntitiesButXmlsOwn) {
  const S3Error error = ReadS3Error(
      "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/hostname\">]>"
      "<Error><Code>A&amp;B</Code><Message>&e;</Message></Error>");
  EXPECT_EQ(error.code, "A&B");
  EXPECT_EQ(error.message, "&e;");
}

TEST(S3XmlTest, ReadsErrorsAndIds) {
  const S3Error error = ReadS3Error(
      "<Error><Code>PermanentRedirect</Code><Message>Use it</Message><Region>eu-west-1</Region>"
      "</Error>");
  EXPECT_EQ(error.code, "PermanentRedirect");
  EXPECT_EQ(error.message, "Use it");
  EXPECT_EQ(error.region, "eu-west-1");
  EXPECT_EQ(ReadS3Error("<html>busy</html>").code, "");
  EXPECT_EQ(*ReadUploadId("<InitiateMultipartUploadResult><UploadId>id</UploadId>"
                          "</InitiateMultipartUploadResult>"),
            "id");
  EXPECT_FALSE(ReadUploadId("<InitiateMultipartUploadResult/>").ok());
  const auto failures = ReadDeleteFailures(
      "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code>"
      "<Message>No</Message></Error></DeleteResult>");
  ASSERT_TRUE(failures.ok());
  ASSERT_EQ(failures->size(), 1u);
  EXPECT_EQ((*failures)[0].key, "b");
  EXPECT_EQ((*failures)[0].error.code, "AccessDenied");
  EXPECT_THAT(*ReadDeleteFailures("<DeleteResult/>"), IsEmpty());
}

TEST(S3XmlTest, WritesBodies) {
  const std::vector<std::string> etags = {"\"a\"", "b"};
  EXPECT_EQ(CompleteUploadBody(etags),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>");
  const std::vector<std::string> keys = {"a&b<c"};
  EXPECT_EQ(DeleteBody(keys),
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
            "<Object><Key>a&amp;b&lt;c</Key></Object></Delete>");
}

TEST(S3XmlTest, ReadsTimes) {
  EXPECT_EQ(*ReadHttpTime("Mon, 12 Oct 2009 17:50:50 GMT"), k2009);
  EXPECT_EQ(*ReadIsoTime("2009-10-12T17:50:50.000Z"), k2009);
  EXPECT_FALSE(ReadHttpTime("").ok());
}

}  // namespace
}  // namespace varve::io
