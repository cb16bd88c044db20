#include "engine/session_state.h"

#include <algorithm>
#include <charconv>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <iterator>

#include "engine/duck_guard.h"
#include "engine/row_change.h"

namespace varve::engine {

using FileList = std::vector<std::shared_ptr<const DataFile>>;

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
  if (table.is_part()) {
    return SqlErrorf(sqlstate::kIoError,
                     "the rows of project \"{}\" in table \"{}\" cannot be reached: {}",
                     table.project, table.name.table, files.unreadable);
  }
  return WithHint(
      SqlErrorf(sqlstate::kFeatureNotSupported, "table \"{}\" cannot be served: {}",
                table.name.table, files.unreadable),
      "varve.lake_errors lists such tables. Rows of one whose folder is another's get a "
      "folder of their own by ALTER TABLE ... RENAME TO.");
}

catalog::PartMap SessionState::PartsOf(TableId table) const {
  catalog::PartMap parts;
  if (const auto shown = catalog_.PartsOf(table)) parts = *shown;
  for (const auto& [id, own] : own_tables) {
    if (!own) std::erase_if(parts, [&](const auto& part) { return part.second->id == id; });
    if (own && own->parent == table && own->is_part()) parts[own->project] = own;
  }
  return parts;
}

TableView SessionState::View(const TableRef& table) const {
  Status unreadable;
  TableView view = ViewOne(table, unreadable);
  ThrowIfError(unreadable);
  if (table->is_part()) return view;
  const catalog::PartMap parts = PartsOf(table->id);
  if (parts.empty()) return view;
  auto homes = std::make_shared<FileHomes>();
  for (const auto& [project, part] : parts) AddPart(part, view, *homes);
  std::sort(view.resident.begin(), view.resident.end(),
            [](const auto& a, const auto& b) { return a.time_range.max > b.time_range.max; });
  view.homes = std::move(homes);
  return view;
}

std::optional<TableView> SessionState::ViewOfChange(const TableRef& table) const {
  TableRef changed = change_target == table->id ? table : nullptr;
  if (changed == nullptr && change_target && !table->is_part()) {
    for (const auto& [project, part] : PartsOf(table->id)) {
      if (part->id == *change_target) changed = part;
    }
  }
  if (changed == nullptr) return std::nullopt;
  Status unreadable;
  TableView view = ViewOne(changed, unreadable);
  ThrowIfError(unreadable);
  return view;
}

// Only files of the project itself: whoever else may write to its bucket cannot put rows into
// other projects.
void SessionState::AddPart(const TableRef& part, TableView& view, FileHomes& homes) const {
  Status unreadable;
  TableView own = ViewOne(part, unreadable);
  std::move(own.resident.begin(), own.resident.end(), std::back_inserter(view.resident));
  FileList files;
  if (!unreadable.ok()) {
    auto missing = std::make_shared<DataFile>();
    missing->path = fmt::format("{}={} (cannot be reached)", kProjectColumn, part->project);
    missing->partition_values.emplace(kProjectColumn, part->project);
    homes.missing.emplace(missing.get(), std::move(unreadable));
    files.push_back(std::move(missing));
  } else if (own.files) {
    for (const auto& file : own.files->files) {
      const auto value = file->partition_values.find(kProjectColumn);
      if (value == file->partition_values.end() || value->second != part->project) continue;
      homes.parts.emplace(file.get(), part);
      files.push_back(file);
    }
  }
  if (files.empty()) return;
  auto all = view.files ? std::make_shared<FileSet>(*view.files) : std::make_shared<FileSet>();
  const FileList others = std::exchange(all->files, {});
  all->files.reserve(others.size() + files.size());
  // Both hold their files for as long as this one is read.
  all->in_use = std::make_shared<std::pair<FileSetRef, FileSetRef>>(view.files, own.files);
  std::merge(others.begin(), others.end(), files.begin(), files.end(),
             std::back_inserter(all->files), IsNewer);
  view.files = std::move(all);
}

TableView SessionState::ViewOne(const TableRef& table, Status& unreadable) const {
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
  if (!view.files->unreadable.empty()) unreadable = UnreadableTable(*table, *view.files);
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
