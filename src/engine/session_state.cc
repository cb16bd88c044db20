#include "engine/session_state.h"

#include <charconv>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>

#include "engine/duck_guard.h"

namespace varve::engine {
duckdb::shared_ptr<SessionState> SessionState::Of(duckdb::ClientContext& context) {
  return context.registered_state->Get<SessionState>(kSessionStateKey);
}

std::optional<TableId> TaggedTableId(const duckdb::CatalogEntry& entry) {
  const auto tag = entry.tags.find(kTableIdTag);
  if (tag == entry.tags.end()) return std::nullopt;
  uint32_t id = 0;
  const auto& text = tag->second;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return TableId(id);
}

TableRef SessionState::FindTable(const duckdb::TableCatalogEntry& entry) const {
  const auto id = TaggedTableId(entry);
  if (!id) return nullptr;
  const auto own = own_tables.find(*id);
  auto table = own != own_tables.end() ? own->second : catalog_.Find(*id);
  if (!table) {
    ThrowStatus(SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist any more",
                          entry.name));
  }
  return table;
}

Status UnreadableTable(const TableDef& table, const FileSet& files) {
  return WithHint(SqlErrorf(sqlstate::kFeatureNotSupported, "table \"{}\" cannot be served: {}",
                            table.name.table, files.unreadable),
                  "varve.lake_errors lists such tables.");
}

TableView SessionState::View(const TableRef& table) const {
  TableView view;
  view.table = table;
  const auto add_own = [&](const WriteSet& rows) {
    for (auto it = rows.rbegin(); it != rows.rend(); ++it) {
      if (it->table->id == table->id) {
        view.resident.push_back({it->rows, TimeRangeOf(*table, *it->rows)});
      }
    }
  };
  add_own(transaction_rows);
  if (!snapshot) return view;
  const auto found = snapshot->find(table->id);
  if (found == snapshot->end()) return view;
  view.files = found->second->scan_files;
  if (!view.files->unreadable.empty()) ThrowStatus(UnreadableTable(*table, *view.files));
  const auto& segments = found->second->segments;
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
    view.resident.push_back({(*it)->rows, (*it)->time_range});
  }
  return view;
}

}  // namespace varve::engine
