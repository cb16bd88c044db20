#include "catalog/catalog.h"

#include <gtest/gtest.h>

namespace varve::catalog {
namespace {

TableRef Table(uint32_t id, std::string schema, std::string name, uint32_t version = 1) {
  auto table = std::make_shared<TableDef>();
  table->id = TableId(id);
  table->name = {std::move(schema), std::move(name)};
  table->schema_version = version;
  return table;
}

TEST(CatalogTest, FindsByNameAndIdAndListsInOrder) {
  Catalog catalog;
  catalog.Put(Table(2, "raw", "b"));
  catalog.Put(Table(1, "public", "z"));
  EXPECT_EQ(catalog.Find(QualifiedName{"raw", "b"})->id, TableId(2));
  EXPECT_EQ(catalog.Find(TableId(1))->name.table, "z");
  EXPECT_EQ(catalog.Find(QualifiedName{"raw", "z"}), nullptr);
  ASSERT_EQ(catalog.List().size(), 2u);
  EXPECT_EQ(catalog.List()[0]->name.schema, "public");
}

TEST(CatalogTest, PutReplacesTheDefinitionOfTheSameIdAlsoUnderANewName) {
  Catalog catalog;
  catalog.Put(Table(1, "public", "old"));
  catalog.Put(Table(1, "public", "new", 2));
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "old"}), nullptr);
  EXPECT_EQ(catalog.Find(TableId(1))->schema_version, 2u);
}

TEST(CatalogTest, RemovedTableIsGoneAndRemovingTwiceIsHarmless) {
  Catalog catalog;
  catalog.Put(Table(1, "public", "t"));
  catalog.Remove(TableId(1));
  catalog.Remove(TableId(1));
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"}), nullptr);
  EXPECT_TRUE(catalog.List().empty());
}

TEST(CatalogTest, ANameMeansTheNewerOfTwoTablesWhileTheDroppedOneIsStillThere) {
  Catalog catalog;
  catalog.Put(Table(1, "public", "t"));
  catalog.Put(Table(2, "public", "t"));
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"})->id, TableId(2));
  EXPECT_NE(catalog.Find(TableId(1)), nullptr);
  catalog.Put(Table(1, "public", "t", 2));  // a late change of the dropped one takes no name away
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"})->id, TableId(2));
  catalog.Remove(TableId(1));
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"})->id, TableId(2));
  EXPECT_EQ(catalog.Find(TableId(1)), nullptr);
  catalog.Remove(TableId(2));
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"}), nullptr);
}

TableRef Part(uint32_t id, uint32_t parent, std::string project) {
  auto part = std::make_shared<TableDef>(*Table(id, "public", "t"));
  part->parent = TableId(parent);
  part->project = std::move(project);
  return part;
}

TEST(CatalogTest, PartsAreFoundThroughTheirTableAndNeverByName) {
  Catalog catalog;
  catalog.Put(Part(2, 1, "acme"));  // a definition may come before that of its table
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"}), nullptr);
  catalog.Put(Table(1, "public", "t"));
  catalog.Put(Part(3, 1, "shop"));
  catalog.Put(Table(4, "public", "u"));
  EXPECT_EQ(catalog.Find(QualifiedName{"public", "t"})->id, TableId(1));
  EXPECT_EQ(catalog.Find(TableId(2))->project, "acme");
  EXPECT_EQ(catalog.List().size(), 2u);
  std::vector<uint32_t> ids;
  for (const TableRef& table : catalog.ListWithParts()) ids.push_back(table->id.value);
  EXPECT_EQ(ids, (std::vector<uint32_t>{1, 2, 3, 4}));
  EXPECT_EQ(catalog.PartsOf(TableId(4)), nullptr);
}

TEST(CatalogTest, WhoeverHoldsThePartsKeepsThemAsTheyWere) {
  Catalog catalog;
  catalog.Put(Table(1, "public", "t"));
  catalog.Put(Part(2, 1, "acme"));
  const PartMapRef before = catalog.PartsOf(TableId(1));
  catalog.Put(Part(5, 1, "acme"));  // given up and declared again
  catalog.Remove(TableId(2));       // late
  ASSERT_NE(catalog.PartsOf(TableId(1)), nullptr);
  EXPECT_EQ(catalog.PartsOf(TableId(1))->at("acme")->id, TableId(5));
  EXPECT_EQ(before->at("acme")->id, TableId(2));
  catalog.Remove(TableId(5));
  EXPECT_EQ(catalog.PartsOf(TableId(1)), nullptr);
}

}  // namespace
}  // namespace varve::catalog
