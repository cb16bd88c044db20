#include "io/aws/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/aws/profile_file.h"
#include "io/testing/faulty_disk.h"

namespace varve::io::aws {
namespace {

using ::testing::HasSubstr;

class CredentialsTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, std::string_view text) {
    if (disk_.Stat(path).ok()) {
      ASSERT_TRUE(disk_.Remove(path).ok());
    }
    ASSERT_TRUE(disk_.WriteSynced(path, text).ok());
  }
  Result<std::unique_ptr<CredentialSource>> Open(Credentials given = {}, std::string profile = "") {
    return CredentialSource::Open(
        disk_, {std::move(given), std::move(profile), "/credentials", "/config"});
  }
  std::string ErrorOf(Credentials given = {}, std::string profile = "") {
    const auto source = Open(std::move(given), std::move(profile));
    return source.ok() ? "" : std::string(MessageOf(source.status()));
  }

  testing::FaultyDisk disk_;
};

TEST_F(CredentialsTest, GivenKeysWinOverProfiles) {
  Write("/credentials", "[default]\naws_access_key_id = file\naws_secret_access_key = s\n");
  const auto source = Open({"given", "secret", "token"});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->Get().access_key, "given");
  EXPECT_EQ((*source)->Get().session_token, "token");
}

TEST_F(CredentialsTest, ProfileNamesKeysAndRegion) {
  Write("/credentials",
        "# mine\n[default]\naws_access_key_id=d\naws_secret_access_key=ds\n\n"
        "[work]\nAWS_Access_Key_Id = w\r\n aws_secret_access_key = nested\n"
        "aws_secret_access_key = a=b+c/d # key\naws_session_token = t\n");
  Write("/config", "[profile work]\nregion = eu-central-1\n[default]\nregion = us-west-2\n");
  const auto work = Open({}, "work");
  ASSERT_TRUE(work.ok()) << work.status();
  EXPECT_EQ((*work)->Get().access_key, "w");
  EXPECT_EQ((*work)->Get().secret_key, "a=b+c/d");
  EXPECT_EQ((*work)->Get().session_token, "t");
  EXPECT_EQ((*work)->region(), "eu-central-1");
  const auto other = Open();
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ((*other)->Get().access_key, "d");
  EXPECT_EQ((*other)->region(), "us-west-2");
}

TEST_F(CredentialsTest, SaysWhatIsMissing) {
  EXPECT_THAT(ErrorOf(), HasSubstr("no keys for the object store"));
  EXPECT_THAT(ErrorOf({"key", "", ""}), HasSubstr("s3-access-key is set and s3-secret-key is not"));
  EXPECT_THAT(ErrorOf({"", "hush", ""}),
              HasSubstr("s3-secret-key is set and s3-access-key is not"));
  EXPECT_THAT(ErrorOf({"", "hush", ""}), ::testing::Not(HasSubstr("hush")));
  EXPECT_THAT(ErrorOf({}, "nobody"), HasSubstr("there is no AWS profile \"nobody\""));
  Write("/config", "[profile sso]\nsso_session = x\n[profile half]\naws_access_key_id = a\n");
  EXPECT_THAT(ErrorOf({}, "sso"), HasSubstr("by sso_session"));
  EXPECT_THAT(ErrorOf({}, "half"), HasSubstr("has no aws_access_key_id and aws_secret_access_key"));
}

TEST_F(CredentialsTest, ReloadFindsRenewedKeysOnly) {
  Write("/credentials", "[default]\naws_access_key_id=a\naws_secret_access_key=s\n");
  const auto source = Open();
  ASSERT_TRUE(source.ok()) << source.status();
  const Credentials old = (*source)->Get();
  EXPECT_FALSE((*source)->Reload(old));
  Write("/credentials", "[default]\naws_access_key_id=b\naws_secret_access_key=s\n");
  EXPECT_TRUE((*source)->Reload(old));
  EXPECT_EQ((*source)->Get().access_key, "b");
  ASSERT_TRUE(disk_.Remove("/credentials").ok());
  EXPECT_FALSE((*source)->Reload((*source)->Get()));
  EXPECT_EQ((*source)->Get().access_key, "b");
}

}  // namespace
}  // namespace varve::io::aws
