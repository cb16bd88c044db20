// Knows which Varve tables exist, by name and by id.
//
// Role:     engine (owns DDL and its durable form in meta.duckdb) -> [Catalog] -> ingest, flush,
//           scans.
// Errors:   Find gives nullptr for an unknown table; the caller words the 42P01. Threads: safe;
//           readers copy a pointer and hold no lock afterwards.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/schema.h"

namespace varve::catalog {

// The parts of a table by project.
using PartMap = std::map<std::string, TableRef, std::less<>>;
using PartMapRef = std::shared_ptr<const PartMap>;

class Catalog {
 public:
  // Never a part: a name means the whole table.
  TableRef Find(const QualifiedName& name) const VARVE_EXCLUDES(mu_);
  TableRef Find(TableId id) const VARVE_EXCLUDES(mu_);
  // By schema, then name.
  std::vector<TableRef> List() const VARVE_EXCLUDES(mu_);
  // The same, each followed by its parts.
  std::vector<TableRef> ListWithParts() const VARVE_EXCLUDES(mu_);
  // Nullptr when the table has none.
  PartMapRef PartsOf(TableId table) const VARVE_EXCLUDES(mu_);

  // Adds a table, or replaces the definition of the one with the same id. Between the DROP of a
  // table and its Remove a new one may come under its name: the name then means the new one.
  void Put(TableRef table) VARVE_EXCLUDES(mu_);
  void Remove(TableId id) VARVE_EXCLUDES(mu_);

 private:
  void ForgetName(const TableDef& table) VARVE_REQUIRES(mu_);
  // Changes a copy: readers keep the map that they have.
  void PutPart(const TableRef& part) VARVE_REQUIRES(mu_);
  void RemovePart(const TableDef& part) VARVE_REQUIRES(mu_);

  mutable Mutex mu_;
  std::map<QualifiedName, TableRef> by_name_ VARVE_GUARDED_BY(mu_);
  std::map<TableId, TableRef> by_id_ VARVE_GUARDED_BY(mu_);
  std::map<TableId, PartMapRef> parts_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::catalog
