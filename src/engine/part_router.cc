#include "engine/part_router.h"

#include <algorithm>
#include <duckdb/common/string_util.hpp>

#include "base/check.h"
#include "engine/engine_core.h"

namespace varve::engine {

std::map<std::string, BatchRef> SplitByProject(const BatchRef& batch, const Column& column,
                                               const catalog::ProjectIds& projects) {
  std::map<std::string, std::vector<uint32_t>> rows;
  std::string last;
  std::vector<uint32_t>* last_rows = nullptr;
  for (uint32_t row = 0; row < batch->rows; ++row) {
    const bool is_null = column.IsNull(row);
    const std::string_view id = is_null ? std::string_view() : column.Bytes(row);
    // Neighbours are mostly of one project.
    if (last_rows == nullptr || id != last) {
      last = id;
      last_rows = &rows[projects.contains(id) ? last : std::string()];
    }
    last_rows->push_back(row);
  }
  std::map<std::string, BatchRef> split;
  for (const auto& [project, chosen] : rows) {
    split[project] = chosen.size() == batch->rows
                         ? batch
                         : std::make_shared<const Batch>(Select(*batch, chosen));
  }
  return split;
}

// SQL does not tell upper from lower case.
const ColumnDef* ProjectNamesOf(const TableDef& table) {
  const auto found =
      std::find_if(table.columns.begin(), table.columns.end(), [](const ColumnDef& column) {
        return duckdb::StringUtil::CIEquals(column.name, std::string(kProjectColumn));
      });
  const bool is_text = found != table.columns.end() && found->type.kind() == TypeKind::kText;
  return is_text ? &*found : nullptr;
}

catalog::ProjectIdsRef PartRouter::Projects() const {
  if (core_.options.projects == nullptr) return nullptr;
  auto ids = core_.options.projects->ids();
  if (ids->empty()) return nullptr;
  MutexLock lock(mu_);
  if (closed_.empty()) return ids;
  auto open = std::make_shared<catalog::ProjectIds>(*ids);
  for (const auto& project : closed_) open->erase(project);
  return open;
}

Result<WriteSet> PartRouter::Route(const SessionState& session, WriteSet rows) {
  const catalog::ProjectIdsRef projects = Projects();
  if (projects == nullptr) return rows;
  WriteSet routed;
  routed.reserve(rows.size());
  for (const TableRows& part : rows) {
    VARVE_RETURN_IF_ERROR(RouteOne(session, part, *projects, routed));
  }
  return routed;
}

Status PartRouter::RouteOne(const SessionState& session, const TableRows& rows,
                            const catalog::ProjectIds& projects, WriteSet& routed) {
  const TableDef& table = *rows.table;
  const ColumnDef* const names = table.is_part() ? nullptr : ProjectNamesOf(table);
  const Column* column = names != nullptr ? rows.rows->Find(names->id) : nullptr;
  if (column == nullptr) {
    routed.push_back(rows);
    return OkStatus();
  }
  for (auto& [project, batch] : SplitByProject(rows.rows, *column, projects)) {
    if (project.empty()) {
      routed.push_back({rows.table, batch});
      continue;
    }
    if (!table.project_column()) {
      return WithHint(
          SqlErrorf(sqlstate::kFeatureNotSupported,
                    "table \"{}\" cannot hold rows of project \"{}\", which has storage of its own",
                    table.name.table, project),
          "A table for such projects is partitioned by project_id.");
    }
    VARVE_ASSIGN_OR_RETURN(TableRef part, PartFor(session, rows.table, project));
    routed.push_back({std::move(part), batch});
  }
  return OkStatus();
}

Result<TableRef> PartRouter::PartFor(const SessionState& session, const TableRef& table,
                                     const std::string& project) {
  const auto parts = session.PartsOf(table->id);
  if (const auto part = parts.find(project); part != parts.end()) return part->second;
  if (session.own_tables.contains(table->id)) {
    return SqlErrorf(sqlstate::kSerializationFailure,
                     "project \"{}\" got storage of its own while table \"{}\" was being made",
                     project, table->name.table);
  }
  return core_.sync->EnsurePart(table, project);
}

Result<PartRouter::Pass> PartRouter::Enter(const WriteSet& rows) {
  std::set<std::string> projects;
  for (const TableRows& part : rows) {
    if (part.table->is_part()) projects.insert(part.table->project);
  }
  if (projects.empty()) return nullptr;
  MutexLock lock(mu_);
  for (const auto& project : projects) {
    if (!closed_.contains(project)) continue;
    return SqlErrorf(sqlstate::kSerializationFailure, "project \"{}\" is just losing its storage",
                     project);
  }
  for (const auto& project : projects) ++under_way_[project];
  return Pass(nullptr, [this, projects](void*) {
    {
      MutexLock leaving(mu_);
      for (const auto& project : projects) {
        if (--under_way_[project] == 0) under_way_.erase(project);
      }
    }
    changed_.NotifyAll();
  });
}

void PartRouter::Close(const std::string& project) {
  MutexLock lock(mu_);
  closed_.insert(project);
  changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return !under_way_.contains(project); });
}

void PartRouter::Reopen(const std::string& project) {
  MutexLock lock(mu_);
  closed_.erase(project);
}

}  // namespace varve::engine
