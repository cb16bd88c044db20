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

void Catalog::Put(TableRef table) {
  VARVE_CHECK(table != nullptr);
  MutexLock lock(mu_);
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
  ForgetName(*at->second);
  by_id_.erase(at);
}

void Catalog::ForgetName(const TableDef& table) {
  const auto named = by_name_.find(table.name);
  if (named != by_name_.end() && named->second->id == table.id) by_name_.erase(named);
}

}  // namespace varve::catalog
