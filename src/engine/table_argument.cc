#include "engine/table_argument.h"

#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/catalog/entry_lookup_info.hpp>
#include <duckdb/parser/qualified_name.hpp>

#include "engine/duck_guard.h"
#include "engine/session_state.h"

namespace varve::engine {

TableRef ResolveTable(duckdb::ClientContext& context, const std::string& text) {
  const auto session = SessionState::Of(context);
  const auto name = duckdb::QualifiedName::Parse(text);
  const duckdb::EntryLookupInfo lookup(duckdb::CatalogType::TABLE_ENTRY, name.name);
  const auto entry = duckdb::Catalog::GetEntry(context, name.catalog, name.schema, lookup,
                                               duckdb::OnEntryNotFound::RETURN_NULL);
  TableRef table;
  if (session && entry && entry->type == duckdb::CatalogType::TABLE_ENTRY) {
    table = session->FindTable(entry->Cast<duckdb::TableCatalogEntry>());
  }
  if (!table) {
    ThrowStatus(SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" is not a Varve table", text));
  }
  return table;
}

std::vector<TableRef> ResolveWithParts(duckdb::ClientContext& context, const std::string& text) {
  std::vector<TableRef> tables = {ResolveTable(context, text)};
  for (auto& [project, part] : SessionState::Of(context)->PartsOf(tables.front()->id)) {
    tables.push_back(part);
  }
  return tables;
}

void ForEachText(duckdb::DataChunk& args, duckdb::Vector& result,
                 const std::function<duckdb::Value(const std::string&)>& act) {
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  for (duckdb::idx_t i = 0; i < args.size(); i++) {
    const duckdb::Value text = args.data[0].GetValue(i);
    if (text.IsNull()) {
      duckdb::FlatVector::SetNull(result, i, true);
    } else {
      result.SetValue(i, act(text.ToString()));
    }
  }
}

}  // namespace varve::engine
