#include "server/http/ui_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "server/http/answer_for_test.h"
#include "server/http/body_encoding.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// As a client would get it: through the router.
HttpAnswer Ask(std::string_view path, std::string_view encoding = "", std::string_view etag = "",
               HttpVerb verb = HttpVerb::get) {
  HttpRouter router;
  AddUiPages(router);
  const auto call = std::make_shared<HttpCall>();
  call->verb = verb;
  call->path = path;
  if (!encoding.empty()) call->header.set(HttpField::accept_encoding, encoding);
  if (!etag.empty()) call->header.set(HttpField::if_none_match, etag);
  HttpRouter::Match match = router.Find(verb, path);
  if (match.route == nullptr) return DetailAnswer(match.allowed.empty() ? 404 : 405, "");
  call->captured = match.captured;
  const auto slot = std::make_shared<AnswerSlot>();
  match.route->async(call, HttpReply(slot), MayWait::kNo);
  return slot->Take();
}

std::string Page() { return Ask("/ui").body; }

// The paths that the page loads.
std::set<std::string> NamedByPage() {
  const std::string page = Page();
  std::set<std::string> paths;
  const std::regex link("(?:href|src)=\"(/ui/[^\"]+)\"");
  for (std::sregex_iterator it(page.begin(), page.end(), link), end; it != end; ++it) {
    paths.insert((*it)[1]);
  }
  return paths;
}

std::string AnyAsset() { return *NamedByPage().begin(); }

TEST(UiFiles, ThePageIsAtBothPaths) {
  EXPECT_EQ(Ask("/ui").status, 200u);
  EXPECT_THAT(Page(), StartsWith("<!doctype html>"));
  EXPECT_EQ(Ask("/ui/").body, Page());
  EXPECT_EQ(Ask("/ui").content_type, "text/html; charset=utf-8");
}

TEST(UiFiles, WhatThePageNamesIsThereAndNothingElse) {
  const auto paths = NamedByPage();
  EXPECT_EQ(paths.size() + 1, UiFiles().size());
  for (const std::string& path : paths) {
    const HttpAnswer answer = Ask(path);
    EXPECT_EQ(answer.status, 200u) << path;
    EXPECT_FALSE(answer.body.empty()) << path;
  }
  for (const char* path : {"/ui/x", "/ui//", "/ui/../ui", "/ui/index.html", "/ui/main.js"}) {
    EXPECT_EQ(Ask(path).status, 404u) << path;
  }
}

TEST(UiFiles, ThePageHasNoInlineScriptOrStyle) {
  EXPECT_THAT(Page(), Not(HasSubstr("<style")));
  EXPECT_THAT(Page(), Not(HasSubstr("style=")));
  EXPECT_FALSE(std::regex_search(Page(), std::regex("<script(?![^>]* src=)")));
  EXPECT_FALSE(std::regex_search(Page(), std::regex("\\son\\w+=")));
}

TEST(UiFiles, EveryAnswerKeepsTheBrowserToThisServer) {
  for (const std::string& path : {std::string("/ui"), AnyAsset()}) {
    const HttpAnswer answer = Ask(path);
    EXPECT_THAT(FieldOf(answer, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
    EXPECT_THAT(FieldOf(answer, "Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(FieldOf(answer, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
    EXPECT_EQ(FieldOf(answer, "X-Content-Type-Options"), "nosniff");
  }
}

TEST(UiFiles, AssetsAreKeptForGoodAndThePageIsAskedForAgain) {
  EXPECT_EQ(FieldOf(Ask("/ui"), "Cache-Control"), "no-cache");
  EXPECT_THAT(FieldOf(Ask(AnyAsset()), "Cache-Control"), HasSubstr("immutable"));
}

TEST(UiFiles, TheSameTagIsNotSentAgain) {
  const std::string etag = FieldOf(Ask("/ui"), "ETag");
  for (const std::string& wanted : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
    const HttpAnswer answer = Ask("/ui", "", wanted);
    EXPECT_EQ(answer.status, 304u) << wanted;
    EXPECT_TRUE(answer.body.empty());
    EXPECT_EQ(FieldOf(answer, "ETag"), etag);
  }
  EXPECT_EQ(Ask("/ui", "", "\"x\"").status, 200u);
  // The tag of the plain bytes says nothing of the compressed ones.
  EXPECT_EQ(Ask("/ui", "gzip", etag).status, 200u);
  EXPECT_EQ(Ask("/ui", "gzip", FieldOf(Ask("/ui", "gzip"), "ETag")).status, 304u);
}

TEST(UiFiles, CompressesForThoseWhoTakeIt) {
  const std::string plain = Page();
  const HttpAnswer answer = Ask("/ui", "br, gzip;q=0.5");
  EXPECT_EQ(FieldOf(answer, "Content-Encoding"), "gzip");
  EXPECT_EQ(FieldOf(answer, "Vary"), "Accept-Encoding");
  EXPECT_LT(answer.body.size(), plain.size());
  std::string unzipped = answer.body;
  EXPECT_EQ(DecodeBody("gzip", plain.size(), unzipped), DecodeOutcome::kOk);
  EXPECT_EQ(unzipped, plain);
  for (const char* encoding : {"", "br", "gzip;q=0"}) {
    EXPECT_EQ(Ask("/ui", encoding).body, plain) << encoding;
  }
}

TEST(UiFiles, OnlyReads) {
  EXPECT_EQ(Ask("/ui", "", "", HttpVerb::head).status, 200u);
  EXPECT_EQ(Ask("/ui", "", "", HttpVerb::post).status, 405u);
  EXPECT_EQ(Ask(AnyAsset(), "", "", HttpVerb::put).status, 405u);
}

}  // namespace
}  // namespace varve::server
