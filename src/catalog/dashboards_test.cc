#include "catalog/dashboards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/testing/faulty_disk.h"

namespace varve::catalog {
namespace {

using io::testing::FaultyDisk;
using ::testing::HasSubstr;

constexpr char kPath[] = "data/dashboards.json";

class DashboardsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(disk_.MakeDirs("data").ok()); }

  std::unique_ptr<Dashboards> Open() {
    auto opened = Dashboards::Open(disk_, kPath);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }

  FaultyDisk disk_;
};

TEST_F(DashboardsTest, ThereAgainAfterPowerLoss) {
  auto dashboards = Open();
  ASSERT_TRUE(dashboards->Put({"b-1", "Second", R"({"x":[1,2.5,"ü"]})"}).ok());
  ASSERT_TRUE(dashboards->Put({"a_0", "A \"quoted\"\n\\ title", "[]"}).ok());
  ASSERT_TRUE(dashboards->Put({"gone", "", "null"}).ok());
  ASSERT_TRUE(dashboards->Remove("gone").ok());
  dashboards = nullptr;
  disk_.LosePower();

  const auto again = Open();
  const auto list = again->List();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].slug, "a_0");
  EXPECT_EQ(list[0].title, "A \"quoted\"\n\\ title");
  EXPECT_EQ(list[1].slug, "b-1");
  const auto dashboard = again->Get("b-1");
  ASSERT_TRUE(dashboard.ok());
  EXPECT_EQ(dashboard->definition, R"({"x":[1,2.5,"ü"]})");
}

TEST_F(DashboardsTest, AnAbsentOneIsNotFound) {
  const auto dashboards = Open();
  EXPECT_EQ(dashboards->Get("nothing").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(dashboards->Remove("nothing").code(), StatusCode::kNotFound);
}

TEST_F(DashboardsTest, RulesOfSlugs) {
  const auto dashboards = Open();
  for (const std::string slug : {"", "-a", "_a", "A", "a b", "a/b", "ü"}) {
    EXPECT_EQ(dashboards->Put({slug, "", "{}"}).code(), StatusCode::kInvalidArgument) << slug;
  }
  EXPECT_FALSE(dashboards->Put({std::string(kSlugBytesMax + 1, 'a'), "", "{}"}).ok());
  EXPECT_TRUE(dashboards->Put({std::string(kSlugBytesMax, 'a'), "", "{}"}).ok());
  EXPECT_FALSE(dashboards->Put({"a", std::string(kTitleBytesMax + 1, 'a'), "{}"}).ok());
}

TEST_F(DashboardsTest, CountAndBytesAreBounded) {
  const auto dashboards = Open();
  const std::string large = '"' + std::string(kDefinitionBytesMax - 2, 'x') + '"';
  EXPECT_FALSE(dashboards->Put({"a", "", large + " "}).ok());
  for (size_t i = 0; i < kAllBytesMax / kDefinitionBytesMax; ++i) {
    ASSERT_TRUE(dashboards->Put({fmt::format("d{}", i), "", large}).ok());
  }
  const Status full = dashboards->Put({"one-more", "", "{}"});
  EXPECT_EQ(SqlStateOf(full), sqlstate::kStatementTooComplex);
  EXPECT_FALSE(dashboards->Get("one-more").ok());
}

TEST_F(DashboardsTest, AFailedWriteChangesNothing) {
  const auto dashboards = Open();
  ASSERT_TRUE(dashboards->Put({"a", "old", "{}"}).ok());
  disk_.FailNext(FaultyDisk::Op::kRename);
  EXPECT_FALSE(dashboards->Put({"a", "new", "{}"}).ok());
  EXPECT_EQ(dashboards->Get("a")->title, "old");
  EXPECT_EQ(Open()->Get("a")->title, "old");
}

// The worked example of docs/formats/dashboards.md.
constexpr char kGolden[] = R"({"format":1,"dashboards":[
{"slug":"hosts","title":"Hosts \"a\" to c","definition":{"panels":[{"metric":"cpu_percent"}]}},
{"slug":"start","title":"","definition":null}
]}
)";

TEST_F(DashboardsTest, BytesAreThoseOfTheSpecification) {
  {
    const auto dashboards = Open();
    ASSERT_TRUE(dashboards->Put({"start", "", "null"}).ok());
    const std::string definition = R"({"panels":[{"metric":"cpu_percent"}]})";
    ASSERT_TRUE(dashboards->Put({"hosts", "Hosts \"a\" to c", definition}).ok());
  }
  EXPECT_EQ(disk_.Contents(kPath), kGolden);
}

TEST_F(DashboardsTest, BytesOfTheSpecificationAreRead) {
  disk_.SetContents(kPath, kGolden);
  const auto dashboards = Open();
  ASSERT_EQ(dashboards->List().size(), 2u);
  EXPECT_EQ(dashboards->Get("hosts")->title, "Hosts \"a\" to c");
  EXPECT_EQ(dashboards->Get("hosts")->definition, R"({"panels":[{"metric":"cpu_percent"}]})");
  EXPECT_EQ(dashboards->Get("start")->definition, "null");
}

TEST_F(DashboardsTest, ADamagedFileStopsTheStartAndIsLeftAlone) {
  const std::string golden = kGolden;
  const std::string entry = R"({"slug":"a","title":"","definition":1})";
  const std::string wrong_slug = R"({"slug":"A","title":"","definition":1})";
  const std::string files[] = {
      "",
      R"({"format":2,"dashboards":[]})",
      R"({"dashboards":[]})",
      R"({"format":1})",
      R"({"format":1,"dashboards":[{"slug":"a","title":""}]})",
      R"({"format":1,"dashboards":[)" + entry + "," + entry + "]}",
      R"({"format":1,"dashboards":[)" + wrong_slug + "]}",
      golden.substr(0, golden.size() / 2),
  };
  for (const std::string& damaged : files) {
    disk_.SetContents(kPath, damaged);
    const auto opened = Dashboards::Open(disk_, kPath);
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss) << damaged;
    EXPECT_THAT(std::string(MessageOf(opened.status())), HasSubstr(kPath));
    EXPECT_THAT(std::string(MessageOf(opened.status())), HasSubstr("move the file away"));
    EXPECT_EQ(disk_.Contents(kPath), damaged);
  }
}

}  // namespace
}  // namespace varve::catalog
