// Makes the table that the decoders' tests write to.
#pragma once

#include <memory>

#include "ingest/insert_decoder.h"
#include "model/schema.h"

namespace varve::ingest {

// public.t: one column of every type that clients write, time column `ts`, `day` derived from it.
inline TableRef TableForTest() {
  auto table = std::make_shared<TableDef>();
  table->id = TableId(7);
  table->name = {"public", "t"};
  const auto add = [&table](const char* name, Type type, bool nullable = true,
                            const char* default_sql = "") {
    ColumnDef column;
    column.id = ColumnId(static_cast<uint32_t>(table->columns.size() + 1));
    column.name = name;
    column.type = std::move(type);
    column.nullable = nullable;
    column.default_sql = default_sql;
    table->columns.push_back(std::move(column));
  };
  add("day", Type(TypeKind::kDate), false);
  add("ts", Type(TypeKind::kTimestampTz), false);
  add("id", Type(TypeKind::kText), false);
  add("n", Type(TypeKind::kInt64));
  add("i", Type(TypeKind::kInt32));
  add("s", Type(TypeKind::kInt16));
  add("x", Type(TypeKind::kFloat64));
  add("ok", Type(TypeKind::kBool));
  add("doc", Type(TypeKind::kJson));
  add("tags", Type::List(Type(TypeKind::kText)));
  add("price", Type::Decimal(8, 2));
  add("Mixed Name", Type(TypeKind::kText));
  add("level", Type(TypeKind::kText), true, "'info'");
  add("seen", Type(TypeKind::kTimestampTz), true, "now()");
  add("counts", Type::List(Type(TypeKind::kInt64)));
  table->time_column = 1;
  table->derived_date = 0;
  return table;
}

inline TableFinder FinderForTest() {
  return [table = TableForTest()](const std::optional<std::string>& schema,
                                  std::string_view name) -> TableRef {
    const bool here = name == "t" && (!schema || *schema == "public");
    return here ? table : nullptr;
  };
}

// The column called `name`, nullptr when no row fills it.
inline const Column* ColumnOf(const TableDef& table, const Batch& batch, std::string_view name) {
  return batch.Find(table.columns[*table.FindColumn(name)].id);
}

}  // namespace varve::ingest
