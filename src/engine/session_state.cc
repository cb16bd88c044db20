#include "engine/session_state.h"

#include <algorithm>
#include <charconv>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>

#include "engine/duck_guard.h"
#include "engine/row_change.h"

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

SessionState::SessionState(const catalog::Catalog& catalog) : catalog_(catalog) {}
SessionState::~SessionState() = default;

Result<FileSetRef> TableEdit::Apply(const FileSetRef& files) const {
  auto edited = std::make_shared<FileSet>(*files);
  const auto gone = std::remove_if(edited->files.begin(), edited->files.end(),
                                   [&](const auto& file) { return removed.contains(file->path); });
  const auto found = static_cast<size_t>(edited->files.end() - gone);
  if (found != removed.size()) {
    return SqlErrorf(sqlstate::kSerializationFailure,
                     "another writer has changed the same rows of table \"{}\" meanwhile",
                     table->name.table);
  }
  edited->files.erase(gone, edited->files.end());
  edited->files.insert(edited->files.end(), added.begin(), added.end());
  std::sort(edited->files.begin(), edited->files.end(), IsNewer);
  return FileSetRef(std::move(edited));
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
  const auto& edit = edits.empty() ? nullptr : edits.back();
  const size_t in_files = edit ? edit->rows_taken : 0;
  for (size_t i = transaction_rows.size(); i > in_files; i--) {
    const auto& part = transaction_rows[i - 1];
    if (part.table->id != table->id) continue;
    view.resident.push_back({part.rows, TimeRangeOf(*table, *part.rows)});
  }
  if (!snapshot) return view;
  const auto found = snapshot->find(table->id);
  if (found == snapshot->end()) return view;
  const bool is_changed = change_target == table->id;
  view.files = is_changed ? found->second->files : found->second->scan_files;
  if (!view.files->unreadable.empty()) ThrowStatus(UnreadableTable(*table, *view.files));
  if (edit && edit->table->id == table->id) {
    auto edited = edit->Apply(view.files);
    ThrowIfError(edited.status());
    view.files = *std::move(edited);
  }
  if (is_changed) return view;
  const auto& segments = found->second->segments;
  for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
    view.resident.push_back({(*it)->rows, (*it)->time_range});
  }
  return view;
}

}  // namespace varve::engine
