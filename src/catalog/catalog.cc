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
  if (old != by_id_.end()) by_name_.erase(old->second->name);
  const auto [at, inserted] = by_name_.insert_or_assign(table->name, table);
  VARVE_CHECK(inserted);  // Two ids under one name would hide a table with all its rows.
  by_id_[table->id] = std::move(table);
}

void Catalog::Remove(TableId id) {
  MutexLock lock(mu_);
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return;
  by_name_.erase(at->second->name);
  by_id_.erase(at);
}

}  // namespace varve::catalog
