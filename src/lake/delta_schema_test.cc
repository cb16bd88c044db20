#include "lake/delta_schema.h"

#include <gmock/gmock.h>

#include "lake/delta_table_test.h"

namespace varve::lake {
namespace {

using ::testing::HasSubstr;

TEST(DeltaSchemaTest, EveryTypeComesBack) {
  TableDef table;
  std::vector<Type> types = {Type::Decimal(38, 10)};
  for (const TypeKind kind :
       {TypeKind::kBool, TypeKind::kInt16, TypeKind::kInt32, TypeKind::kInt64, TypeKind::kFloat32,
        TypeKind::kFloat64, TypeKind::kText, TypeKind::kJson, TypeKind::kBytea, TypeKind::kDate,
        TypeKind::kTimestampTz, TypeKind::kUuid}) {
    types.emplace_back(kind);
    types.push_back(Type::List(Type(kind)));
  }
  for (uint32_t i = 0; i < types.size(); ++i) {
    table.columns.push_back(MakeColumn(i + 1, "c\"" + std::to_string(i), types[i], i % 2 == 0));
  }
  const Result<std::string> json = SchemaJson(table);
  ASSERT_TRUE(json.ok()) << json.status();
  const auto fields = ParseSchema(*json);
  ASSERT_TRUE(fields.ok()) << fields.status();
  ASSERT_EQ(fields->size(), types.size());
  for (uint32_t i = 0; i < types.size(); ++i) {
    const DeltaField& field = (*fields)[i];
    EXPECT_EQ(field.name, table.columns[i].name);
    ASSERT_TRUE(field.type.has_value());
    EXPECT_EQ(*field.type, types[i]) << types[i].ToString();
    EXPECT_EQ(field.nullable, i % 2 == 0);
    EXPECT_EQ(field.column_id, ColumnId(i + 1));
    EXPECT_EQ(field.delta_type, *DeltaType(types[i]));
  }
}

TEST(DeltaSchemaTest, NamesOfTypes) {
  EXPECT_EQ(*DeltaType(Type(TypeKind::kTimestampTz)), "timestamp");
  EXPECT_EQ(*DeltaType(Type(TypeKind::kJson)), "string");
  EXPECT_EQ(*DeltaType(Type(TypeKind::kInt32)), "integer");
  EXPECT_EQ(*DeltaType(Type::Decimal(10, 2)), "decimal(10,2)");
  EXPECT_EQ(*DeltaType(Type::List(Type(TypeKind::kText))),
            R"({"type":"array","elementType":"string","containsNull":true})");
  EXPECT_EQ(SqlStateOf(DeltaType(Type(TypeKind::kTimestamp)).status()),
            sqlstate::kFeatureNotSupported);
  EXPECT_EQ(SqlStateOf(DeltaType(Type::List(Type(TypeKind::kInterval))).status()),
            sqlstate::kFeatureNotSupported);
}

TEST(DeltaSchemaTest, SchemasOfOthers) {
  const auto fields = ParseSchema(R"j({"type":"struct","fields":[
    {"name":"a","type":"byte","nullable":true,"metadata":{}},
    {"name":"b","type":"decimal(5, 1)","nullable":false,"metadata":{"delta.invariants":"{}"}},
    {"name":"c","type":{"type":"map","keyType":"string","valueType":"long"},"metadata":{}},
    {"name":"d","type":"string","metadata":{"varve.type":"bigint"}},
    {"name":"e","type":"long","metadata":{"delta.generationExpression":"x"}},
    {"name":"f","type":"timestamp_ntz"}]})j");
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ(*(*fields)[0].type, Type(TypeKind::kInt16));
  EXPECT_EQ(*(*fields)[1].type, Type::Decimal(5, 1));
  EXPECT_TRUE((*fields)[1].has_invariant);
  EXPECT_EQ((*fields)[2].type, std::nullopt);
  EXPECT_EQ(*(*fields)[3].type, Type(TypeKind::kText)) << "the note does not fit the type";
  EXPECT_TRUE((*fields)[4].is_generated);
  EXPECT_EQ((*fields)[5].type, std::nullopt);
}

TEST(DeltaSchemaTest, WhatOthersDeclaredStaysAsItIs) {
  const std::string theirs =
      R"({"type":"struct","fields":[{"name":"b","type":"byte","nullable":true,"metadata":{}},)"
      R"({"name":"l","type":{"type":"array","elementType":"long","containsNull":false},)"
      R"("nullable":true,"metadata":{}}]})";
  TableDef table;
  table.columns = {{ColumnId(1), "b", Type(TypeKind::kInt16), true, false, {}},
                   {ColumnId(2), "l", Type::List(Type(TypeKind::kInt64)), true, false, {}},
                   {ColumnId(3), "new", Type(TypeKind::kInt64), true, false, {}}};
  const auto json = SchemaJson(table, theirs);
  ASSERT_TRUE(json.ok()) << json.status();
  const auto fields = ParseSchema(*json);
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ((*fields)[0].delta_type, "byte");
  EXPECT_NE((*fields)[1].delta_type.find("\"containsNull\":false"), std::string::npos);
  EXPECT_EQ((*fields)[2].delta_type, "long");
  EXPECT_EQ(*SchemaJson(table, *json), *json);
}

// Following them took seconds and stack for what fits into a commit.
TEST(DeltaSchemaTest, DeeplyNestedTypesAreNotFollowed) {
  for (const int depth : {1, 50, 20'000}) {
    std::string type = R"("[[\"[[")";
    for (int i = 0; i < depth; i++) {
      type.insert(0, R"({"elementType":)");
      type += R"(,"containsNull":true,"type":"array"})";
    }
    const auto fields =
        ParseSchema(R"({"type":"struct","fields":[{"name":"a","type":)" + type + "}]}");
    ASSERT_EQ(fields.ok(), depth < 100) << fields.status();
    if (!fields.ok()) {
      EXPECT_EQ(SqlStateOf(fields.status()), sqlstate::kFeatureNotSupported);
    } else {
      EXPECT_EQ((*fields)[0].type, std::nullopt);
    }
  }
}

TEST(DeltaSchemaTest, BrokenSchemasAreDataLoss) {
  for (const char* json : {"", "{}", "[]", "{\"type\":\"struct\"}",
                           "{\"type\":\"struct\",\"fields\":[{\"type\":\"long\"}]}",
                           "{\"type\":\"struct\",\"fields\":[7]}"}) {
    EXPECT_EQ(ParseSchema(json).status().code(), StatusCode::kDataLoss) << json;
  }
}

TEST(DeltaSchemaTest, AnUpdateKeepsWhatOthersWrote) {
  TableDef table = MakeEvents();
  const std::string previous = R"({"type":"struct","fields":[
    {"name":"project_id","type":"string","nullable":false,"metadata":{"comment":"tenant"}},
    {"name":"foreign","type":"long","nullable":true,"metadata":{}}]})";
  const auto json = SchemaJson(table, previous);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_THAT(*json, HasSubstr(R"("comment":"tenant")"));
  EXPECT_THAT(*json, HasSubstr(R"("name":"foreign")"));
  const auto fields = ParseSchema(*json);
  EXPECT_FALSE((*fields)[0].nullable);
  EXPECT_TRUE((*fields)[2].nullable) << "older files have no value of a new column";
  EXPECT_EQ(*SchemaJson(table, *json), *json);
}

TEST(DeltaSchemaTest, NamesMustDifferInMoreThanCase) {
  TableDef table = MakeEvents();
  table.columns.push_back(MakeColumn(9, "N", Type(TypeKind::kInt32)));
  EXPECT_EQ(SqlStateOf(SchemaJson(table).status()), sqlstate::kDuplicateColumn);
}

}  // namespace
}  // namespace varve::lake
