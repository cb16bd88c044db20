// Knows which Varve tables exist, by name and by id.
//
// Role:     engine (owns DDL and its durable form in meta.duckdb) -> [Catalog] -> ingest, flush,
//           scans.
// Errors:   Find gives nullptr for an unknown table; the caller words the 42P01. Threads: safe;
//           readers copy a pointer and hold no lock afterwards.
#pragma once

#include <map>
#include <vector>

#include "base/mutex.h"
#include "model/schema.h"

namespace varve::catalog {

class Catalog {
 public:
  TableRef Find(const QualifiedName& name) const VARVE_EXCLUDES(mu_);
  TableRef Find(TableId id) const VARVE_EXCLUDES(mu_);
  // By schema, then name.
  std::vector<TableRef> List() const VARVE_EXCLUDES(mu_);

  // Adds a table, or replaces the definition of the one with the same id. Between the DROP of a
  // table and its Remove a new one may come under its name: the name then means the new one.
  void Put(TableRef table) VARVE_EXCLUDES(mu_);
  void Remove(TableId id) VARVE_EXCLUDES(mu_);

 private:
  void ForgetName(const TableDef& table) VARVE_REQUIRES(mu_);

  mutable Mutex mu_;
  std::map<QualifiedName, TableRef> by_name_ VARVE_GUARDED_BY(mu_);
  std::map<TableId, TableRef> by_id_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::catalog
