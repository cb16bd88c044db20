// Finds the open Delta table of a table id.
//
// Role:     main (start-up), engine (CREATE, DROP) -> [TableSet] -> engine (ALTER), flush.
// Threads:  safe. A DeltaTable that was removed lives on while somebody still works with it.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "lake/delta_table.h"
#include "model/ids.h"

namespace varve::lake {

class TableSet {
 public:
  // Nullptr when the id is unknown.
  std::shared_ptr<DeltaTable> Find(TableId id) const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    const auto at = tables_.find(id);
    return at == tables_.end() ? nullptr : at->second;
  }
  void Put(TableId id, std::shared_ptr<DeltaTable> table) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    tables_[id] = std::move(table);
  }
  void Remove(TableId id) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    tables_.erase(id);
  }

 private:
  mutable Mutex mu_;
  std::map<TableId, std::shared_ptr<DeltaTable>> tables_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::lake
