// Sends the rows of projects with storage of their own to the parts of tables that lie there.
//
// Role:     session (INSERT, COPY, the fast path) -> [PartRouter] -> rows of tables and of parts,
//           which log, buffer and flush treat alike.
// Errors:   0A000 for rows of such a project in a table that is not partitioned by project_id.
// Threads:  safe. Route may block on a project's storage once, when a table has no part there yet.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "catalog/project_storage.h"
#include "engine/session_state.h"
#include "model/batch.h"

namespace varve::engine {

struct EngineCore;

// The rows of `batch` by project, those of `projects` alone and all others under "". A batch with
// rows of no project of them is not copied.
std::map<std::string, BatchRef> SplitByProject(const BatchRef& batch, const Column& column,
                                               const catalog::ProjectIds& projects);

// The text column that says whose a row is, whether or not the table is partitioned by it.
const ColumnDef* ProjectNamesOf(const TableDef& table);

class PartRouter {
 public:
  explicit PartRouter(EngineCore& core) : core_(core) {}

  Result<WriteSet> Route(const SessionState& session, WriteSet rows);

  // To be held from before the tables of `rows` are looked up until the rows are written: no
  // project loses its storage meanwhile. Null when no row is of a part; 40001 when a project is
  // just losing it.
  using Pass = std::shared_ptr<void>;
  Result<Pass> Enter(const WriteSet& rows) VARVE_EXCLUDES(mu_);

  // From now on the project's rows stay in the table itself; returns when all that went elsewhere
  // are written.
  void Close(const std::string& project) VARVE_EXCLUDES(mu_);
  void Reopen(const std::string& project) VARVE_EXCLUDES(mu_);

 private:
  // Of the projects whose rows are routed; null: none.
  catalog::ProjectIdsRef Projects() const VARVE_EXCLUDES(mu_);
  Result<TableRef> PartFor(const SessionState& session, const TableRef& table,
                           const std::string& project);
  Status RouteOne(const SessionState& session, const TableRows& rows,
                  const catalog::ProjectIds& projects, WriteSet& routed);

  EngineCore& core_;
  mutable Mutex mu_;
  CondVar changed_;
  std::set<std::string, std::less<>> closed_ VARVE_GUARDED_BY(mu_);
  std::map<std::string, int> under_way_ VARVE_GUARDED_BY(mu_);  // write sets, by project
};

}  // namespace varve::engine
