#include "io/s3/start_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/mutex.h"
#include "io/s3/s3_fixture_for_test.h"
#include "io/testing/scripted_server.h"

namespace varve::io {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedReply;
using testing::ScriptedRequest;
using testing::ScriptedServer;

class StartCheckTest : public S3Fixture {
 protected:
  std::string Check(ScriptedReply reply) {
    ScriptedServer server([&](const ScriptedRequest&) { return reply; });
    return std::string(MessageOf(CheckBucket(*Open(SettingsFor(server.url())))));
  }
  static ScriptedReply Refusal(int status, const std::string& code, const std::string& more = "") {
    return {status, {}, fmt::format("<Error><Code>{}</Code>{}</Error>", code, more)};
  }
};

// What no real server in the tests says.
TEST_F(StartCheckTest, NamesWhatIsWrong) {
  EXPECT_THAT(Check(Refusal(400, "ExpiredToken")), HasSubstr("session token has expired"));
  EXPECT_THAT(Check(Refusal(400, "InvalidToken")), HasSubstr("s3-session-token"));
  EXPECT_THAT(Check(Refusal(403, "AccessDenied")), HasSubstr("may not list bucket \"bucket\""));
  EXPECT_THAT(Check(Refusal(301, "PermanentRedirect", "<Region>eu-west-1</Region>")),
              HasSubstr("is in region eu-west-1, and s3-region is us-east-1"));
  EXPECT_THAT(Check({.body = "<html>Welcome</html>"}), HasSubstr("is no object store"));
  EXPECT_THAT(Check(Refusal(418, "Teapot")), HasSubstr("Teapot (418)"));
}

// A store that looks whether the object is there and puts it later, as some do.
class CarelessStore {
 public:
  enum class Kind { kIgnoresCondition, kLooksThenPuts, kKnowsNoCondition };
  explicit CarelessStore(Kind kind) : kind_(kind) {}

  ScriptedReply operator()(const ScriptedRequest& request) VARVE_EXCLUDES(mu_) {
    if (request.method == "DELETE") return {204};
    MutexLock lock(mu_);
    if (request.method == "GET") return {.body = objects_[request.target]};
    if (kind_ == Kind::kKnowsNoCondition) {
      return {501, {}, "<Error><Code>NotImplemented</Code></Error>"};
    }
    if (kind_ == Kind::kLooksThenPuts) {
      if (objects_.contains(request.target)) {
        return {412, {}, "<Error><Code>PreconditionFailed</Code></Error>"};
      }
      // As long as it takes two of them to look.
      ++looked_[request.target];
      changed_.NotifyAll();
      changed_.WaitFor(mu_, std::chrono::seconds(2),
                       [&]() VARVE_REQUIRES(mu_) { return looked_[request.target] >= 2; });
    }
    objects_[request.target] = request.body;
    return {};
  }

 private:
  const Kind kind_;
  Mutex mu_;
  CondVar changed_;
  std::map<std::string, std::string> objects_ VARVE_GUARDED_BY(mu_);
  std::map<std::string, int> looked_ VARVE_GUARDED_BY(mu_);
};

TEST_F(StartCheckTest, ProbeFindsStoresThatLoseCommits) {
  using Kind = CarelessStore::Kind;
  for (const auto& [kind, sentence] : std::vector<std::pair<Kind, std::string>>{
           {Kind::kIgnoresCondition, "8 were told that they made it"},
           {Kind::kLooksThenPuts, "conditional PUT is not atomic"},
           {Kind::kKnowsNoCondition, "cannot put an object only if it is absent"}}) {
    CarelessStore careless(kind);
    ScriptedServer server([&](const ScriptedRequest& request) { return careless(request); });
    const Status probed = ProbeConditionalPut(*Open(SettingsFor(server.url())), Random::System());
    EXPECT_EQ(probed.code(), StatusCode::kFailedPrecondition) << sentence;
    EXPECT_THAT(MessageOf(probed), HasSubstr(sentence));
    EXPECT_THAT(MessageOf(probed), HasSubstr("lock-provider=dynamodb"));
    EXPECT_THAT(MessageOf(probed), HasSubstr("lock-provider=single"));
  }
}

}  // namespace
}  // namespace varve::io
