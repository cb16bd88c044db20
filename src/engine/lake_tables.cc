#include "engine/lake_tables.h"

namespace varve::engine {

Status LakeTables::Create(const TableRef& table) {
  VARVE_ASSIGN_OR_RETURN(auto delta, lake::DeltaTable::Create(context_, table));
  auto files = delta->files();
  tables_.Put(table->id, std::move(delta));
  buffer_.AddTable(table, std::move(files), Lsn(0));
  return OkStatus();
}

Status LakeTables::Update(const TableRef& table) {
  const auto delta = tables_.Find(table->id);
  if (!delta) return Internal("table {} has no Delta table", table->name.ToString());
  VARVE_RETURN_IF_ERROR(delta->UpdateSchema(table));
  buffer_.UpdateTable(table);
  return OkStatus();
}

void LakeTables::Remove(TableId id) {
  tables_.Remove(id);
  buffer_.DropTable(id);
}

Status LakeTables::DeleteFolder(const std::string& location) {
  VARVE_ASSIGN_OR_RETURN(const auto objects, context_.store->List(location + "/"));
  for (const auto& object : objects) VARVE_RETURN_IF_ERROR(context_.store->Delete(object.name));
  return OkStatus();
}

}  // namespace varve::engine
