#include "catalog/catalog.h"

#include <utility>

#include "base/check.h"

namespace varve::catalog {

TableRef Catalog::Find(const QualifiedName& name) const {
  MutexLock lock(mu_);
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

TableRef Catalog::Find(TableId id) const {
  MutexLock lock(mu_);
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

std::vector<TableRef> Catalog::List() const {
  MutexLock lock(mu_);
  std::vector<TableRef> tables;
  tables.reserve(by_name_.size());
  for (const auto& [name, table] : by_name_) tables.push_back(table);
  return tables;
}

std::vector<TableRef> Catalog::ListWithParts() const {
  MutexLock lock(mu_);
  std::vector<TableRef> tables;
  for (const auto& [name, table] : by_name_) {
    tables.push_back(table);
    const auto parts = parts_.find(table->id);
    if (parts == parts_.end()) continue;
    for (const auto& [project, part] : *parts->second) tables.push_back(part);
  }
  return tables;
}

PartMapRef Catalog::PartsOf(TableId table) const {
  MutexLock lock(mu_);
  const auto parts = parts_.find(table);
  return parts == parts_.end() ? nullptr : parts->second;
}

void Catalog::PutPart(const TableRef& part) {
  PartMapRef& parts = parts_[part->parent];
  auto next = parts == nullptr ? std::make_shared<PartMap>() : std::make_shared<PartMap>(*parts);
  (*next)[part->project] = part;
  parts = std::move(next);
}

void Catalog::RemovePart(const TableDef& part) {
  const auto parts = parts_.find(part.parent);
  if (parts == parts_.end()) return;
  auto next = std::make_shared<PartMap>(*parts->second);
  const auto at = next->find(part.project);
  if (at == next->end() || at->second->id != part.id) return;
  next->erase(at);
  if (next->empty()) {
    parts_.erase(parts);
  } else {
    parts->second = std::move(next);
  }
}

void Catalog::Put(TableRef table) {
  VARVE_CHECK(table != nullptr);
  MutexLock lock(mu_);
  if (table->is_part()) {
    PutPart(table);
    by_id_[table->id] = std::move(table);
    return;
  }
  const auto old = by_id_.find(table->id);
  if (old != by_id_.end()) ForgetName(*old->second);
  auto& named = by_name_[table->name];
  // A dropped table may still be here when the next one of its name comes: ids grow, the newer is
  // the one that the name means.
  if (named == nullptr || named->id < table->id) named = table;
  by_id_[table->id] = std::move(table);
}

void Catalog::Remove(TableId id) {
  MutexLock lock(mu_);
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return;
  if (at->second->is_part()) {
    RemovePart(*at->second);
  } else {
    ForgetName(*at->second);
  }
  by_id_.erase(at);
}

void Catalog::ForgetName(const TableDef& table) {
  const auto named = by_name_.find(table.name);
  if (named != by_name_.end() && named->second->id == table.id) by_name_.erase(named);
}

}  // namespace varve::catalog
