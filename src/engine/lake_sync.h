// Keeps this server's definitions and file lists in step with the tables that lie in the lake.
//
// Role:     start (Open), job "lake-refresh", SELECT varve.refresh('t') -> [LakeSync] -> MetaStore,
//           DuckDB's definitions, Catalog, TableSet, Buffer. Who wins and when:
//           docs/decisions/0012-the-lake-says-what-tables-there-are.md.
// Order:    of a new table: lake and buffer, catalog, DuckDB; of a changed one: DuckDB first, which
//           refuses whoever comes second, then the others, then its commit.
// Errors:   what keeps one table from being served is kept for varve.lake_errors and stops neither
//           the start nor the other tables; Unavailable when the store itself cannot be reached.
// Threads:  safe after Open. One round at a time; blocks on the store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "engine/engine.h"
#include "lake/delta_table.h"

namespace varve::engine {

struct EngineCore;
class MetaStore;

// One row of varve.lake_errors.
struct LakeError {
  std::string location;
  std::string table;  // as far as it is known
  std::string state;
  std::string message;
  int64_t since_us = 0;  // microseconds UTC
};

// The part of `table` in the project's storage, new or with what the table has become.
Result<TableDef> NewPart(MetaStore& meta, const TableDef& table, const std::string& project);
TableDef ChangedPart(const TableDef& table, const TableDef& part);

class LakeSync {
 public:
  LakeSync(EngineCore& core, LakeParts parts) : core_(core), parts_(std::move(parts)) {}

  // Finds tables that the catalogue does not know, makes the shipped ones that are nowhere, and
  // opens all. Returns the highest Lsn that the files of any table reach.
  Result<Lsn> Open() VARVE_EXCLUDES(mu_);

  // One round over all tables and folders. The first error; the others are done all the same.
  Status Refresh() VARVE_EXCLUDES(mu_);
  // Of one table; and folders that were refused before are looked at again in the next round.
  Status Refresh(const TableRef& table) VARVE_EXCLUDES(mu_);

  // Takes a new table back that has turned out to be another server's. False when it has rows: then
  // it stays, and is not served.
  Result<bool> Withdraw(const TableRef& table) VARVE_EXCLUDES(mu_);
  // A table that could not be served has got another name and folder.
  void Renamed(const TableDef& before, const TableRef& after) VARVE_EXCLUDES(mu_);

  // Parts in projects' own storage: those that are missing, one, and all of a project, whose rows
  // are flushed first; what lies in its storage stays there.
  Status AddMissingParts() VARVE_EXCLUDES(mu_);
  Result<TableRef> EnsurePart(const TableRef& table, const std::string& project)
      VARVE_EXCLUDES(mu_);
  Status RemoveProject(const std::string& project) VARVE_EXCLUDES(mu_);

  std::vector<LakeError> Errors() const VARVE_EXCLUDES(errors_mu_);

 private:
  using Delta = std::shared_ptr<lake::DeltaTable>;
  // A folder that no table of the catalogue has, and what lies in it.
  struct Found {
    std::string location;
    Result<std::unique_ptr<lake::DeltaTable>> delta = nullptr;
  };

  // Folders without a table of ours, opened side by side.
  Result<std::vector<Found>> FindUnknown(const std::vector<std::string>& folders)
      VARVE_REQUIRES(mu_);
  // `folders`: of the lake, as listed.
  Status AdoptUnknown(const std::vector<std::string>& folders) VARVE_REQUIRES(mu_);
  // Registers a table that was found.
  Status Adopt(const std::string& location, Delta delta) VARVE_REQUIRES(mu_);
  // The id that this server gave the table before it lost its definitions.
  std::optional<TableId> FormerId(const std::string& location, const FileSet& files) const;
  Status OpenKnown(const TableRef& table, Result<std::unique_ptr<lake::DeltaTable>> opened)
      VARVE_REQUIRES(mu_);
  // Opens the table's Delta log, or makes it.
  Result<std::unique_ptr<lake::DeltaTable>> OpenOrCreate(const TableRef& table) const;
  // Before anybody asks how far its files go.
  void Fence(lake::DeltaTable& delta, const TableDef& table) const;
  Status RefreshLocked(const TableRef& table) VARVE_REQUIRES(mu_);
  // Statements on the table say `why` until a version of it can be served again.
  void Refuse(const TableRef& table, const Status& why) VARVE_REQUIRES(mu_);
  // Those that were open before the folders were listed and are not among them.
  std::set<TableId> NoteMissing(const std::vector<TableRef>& open,
                                const std::vector<std::string>& folders);
  // False when the store as a whole is unavailable, and not one object.
  bool StoreAnswers() const { return parts_.context.store->ListFolders("").ok(); }
  // Tries a table again that could not be served.
  Status Reopen(const TableRef& table) VARVE_REQUIRES(mu_);
  // Takes over columns and options that the lake has and `mine` has not.
  Status TakeOver(const TableRef& mine, lake::DeltaTable& delta) VARVE_REQUIRES(mu_);
  // Another server has dropped the table.
  Status Forget(const TableRef& table) VARVE_REQUIRES(mu_);
  Status AddParts() VARVE_REQUIRES(mu_);
  Result<TableRef> AddPart(const TableRef& table, const std::string& project) VARVE_REQUIRES(mu_);
  // Gives the parts the columns and options of `table`.
  Status ChangeParts(const TableDef& table) VARVE_REQUIRES(mu_);
  // Tells the lake what a part's table says: a project may have been away for a while.
  Status AlignPart(const TableRef& part, lake::DeltaTable& delta) VARVE_REQUIRES(mu_);
  // With `dropped`, their folders are to be deleted.
  Status ForgetParts(const TableRef& table, bool dropped) VARVE_REQUIRES(mu_);
  // How far the log is in the table's files. 55000 when they are older than what this server has
  // put there, and the log does not have the rest.
  Result<Lsn> FlushedThrough(const TableRef& table, lake::DeltaTable& delta) VARVE_REQUIRES(mu_);
  Result<Lsn> WithNote(const TableRef& table, lake::DeltaTable& delta, Lsn in_lake)
      VARVE_REQUIRES(mu_);
  // New records of the log must not get the numbers of those that the table has had, even if it
  // cannot be served now.
  void CountNoted(TableId table) VARVE_REQUIRES(mu_);
  void Note(const std::string& location, const std::string& table, const Status& error)
      VARVE_EXCLUDES(errors_mu_);

  EngineCore& core_;
  const LakeParts parts_;

  // Held across I/O: rounds are made one after the other.
  Mutex mu_ VARVE_ACQUIRED_BEFORE(errors_mu_);
  Lsn flushed_max_ VARVE_GUARDED_BY(mu_);
  // Monotonic time before which a folder that was refused is not opened again.
  std::map<std::string, int64_t> not_before_us_ VARVE_GUARDED_BY(mu_);

  mutable Mutex errors_mu_;
  std::map<std::string, LakeError> errors_ VARVE_GUARDED_BY(errors_mu_);  // by location
};

}  // namespace varve::engine
