// Which rows of a batch are whose.
#include "engine/part_router.h"

#include <gtest/gtest.h>

namespace varve::engine {
namespace {

constexpr ColumnId kProject{1};

BatchRef MakeBatch(const std::vector<const char*>& projects) {
  ColumnBuilder project{Type(TypeKind::kText)};
  ColumnBuilder number{Type(TypeKind::kInt64)};
  for (size_t i = 0; i < projects.size(); ++i) {
    if (projects[i] == nullptr) {
      project.AppendNull();
    } else {
      project.AppendBytes(projects[i]);
    }
    number.AppendFixed(static_cast<int64_t>(i));
  }
  auto batch = std::make_shared<Batch>();
  batch->rows = static_cast<uint32_t>(projects.size());
  batch->ids = {kProject, ColumnId(2)};
  batch->columns.push_back(project.Finish());
  batch->columns.push_back(number.Finish());
  return batch;
}

std::map<std::string, std::vector<int64_t>> Split(const BatchRef& batch,
                                                  const catalog::ProjectIds& projects) {
  std::map<std::string, std::vector<int64_t>> rows;
  for (const auto& [project, part] : SplitByProject(batch, *batch->Find(kProject), projects)) {
    for (uint32_t row = 0; row < part->rows; ++row) {
      rows[project].push_back(part->Find(ColumnId(2))->Fixed<int64_t>(row));
    }
  }
  return rows;
}

using Numbers = std::map<std::string, std::vector<int64_t>>;

TEST(PartRouterTest, EachRowGoesToItsProjectInItsOrder) {
  const auto batch = MakeBatch({"a", "b", "a", "a", nullptr, "", "b", "ab", "c"});
  EXPECT_EQ(Split(batch, {"a", "b"}),
            (Numbers{{"a", {0, 2, 3}}, {"b", {1, 6}}, {"", {4, 5, 7, 8}}}));
  EXPECT_EQ(Split(batch, {"c", "other"}), (Numbers{{"c", {8}}, {"", {0, 1, 2, 3, 4, 5, 6, 7}}}));
}

TEST(PartRouterTest, RowsOfOneProjectAreNotCopied) {
  const auto batch = MakeBatch({"a", "a"});
  EXPECT_EQ(SplitByProject(batch, *batch->Find(kProject), {"a"}).at("a"), batch);
  EXPECT_EQ(SplitByProject(batch, *batch->Find(kProject), {"b"}).at(""), batch);
}

}  // namespace
}  // namespace varve::engine
