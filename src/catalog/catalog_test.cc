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

}  // namespace
}  // namespace varve::catalog
