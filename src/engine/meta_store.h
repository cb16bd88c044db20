// Keeps the registry of Varve tables durable in meta.duckdb, beside DuckDB's own definitions.
//
// Role:     DDL -> [MetaStore] -> schema varve_internal: tables(id, definition), dropped(id,
//           location, lake_id), counters(name, value), commits(number).
// Order:    a change of definition is written on the connection, and so in the transaction, of the
//           session that makes it: DuckDB's table entry and our row become durable together. A
//           table id is durable before it is used, so that no log record is ever taken for another
//           table's.
// Threads:  safe; methods that take a connection belong to its thread.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "engine/database.h"
#include "model/schema.h"

namespace varve::engine {

struct DroppedTable {
  TableId id;
  std::string location;
  std::string lake_id;  // of the Delta table that was dropped; another one there is not ours
};

class MetaStore {
 public:
  // Makes the engine's schemas and tables if they are not there.
  static Result<std::unique_ptr<MetaStore>> Open(Database& database);

  // Puts every table into the catalog.
  Status Load(catalog::Catalog& catalog);
  // Creates a shipped table, or adds the columns that it lacks. Other differences are left alone.
  Status EnsureShipped(catalog::Catalog& catalog, TableDef table);

  // True when there was no registry before this start.
  bool is_new() const { return is_new_; }

  // Makes the table in DuckDB and in the registry, with its schema if that is not there. `publish`
  // runs when both are possible and before they are committed; undoing it after an error is the
  // caller's.
  Status Register(const TableDef& table, const std::function<void()>& publish);
  // The same for columns that only `after` has and for its options. An error when `before` is not
  // there any more or another transaction is changing it.
  Status Widen(const TableDef& before, const TableDef& after, const std::function<void()>& publish);
  // Removes a table that another server has dropped; its folder counts as dropped here too. For
  // `lake_id` see Drop.
  Status Forget(const TableDef& table, const std::optional<std::string>& lake_id);
  // Keeps the definition of a part, new or changed; DuckDB does not know it.
  Status SavePart(const TableDef& part);
  // Forgets a part; for `lake_id` see Drop.
  Status RemovePart(const TableDef& part, const std::optional<std::string>& lake_id);

  // A number that no table ever had. Durable on return.
  Result<TableId> NewTableId() VARVE_EXCLUDES(mu_);
  // No table will get this number, nor a lower one, any more. Durable on return.
  Status NoteTableId(TableId id) VARVE_EXCLUDES(mu_);

  // The highest number given so far; 0 when there was none.
  Result<TableId> HighestTableId();

  // In the open transaction of `connection`:
  static Status Insert(duckdb::Connection& connection, const TableDef& table);
  static Status Replace(duckdb::Connection& connection, const TableDef& table);
  // `lake_id`: of the Delta table whose folder is to be deleted, which this server has made or
  // opened; nullopt: whatever lies in the folder stays.
  static Status Drop(duckdb::Connection& connection, const TableDef& table,
                     const std::optional<std::string>& lake_id);

  // A transaction that changes definitions and writes rows: its number, never given before and
  // durable on return; and the note of it, in the open transaction of `connection`, which says
  // after its commit that the rows with this number in the log count.
  Result<uint64_t> NewCommitNumber() VARVE_EXCLUDES(mu_);
  static Status NoteCommit(duckdb::Connection& connection, uint64_t number);
  Result<std::set<uint64_t>> CommittedNumbers();
  Status KeepCommittedNumbers(const std::set<uint64_t>& kept);

  // Folders of dropped tables that are still to be deleted.
  Result<std::vector<DroppedTable>> Dropped();
  Status ForgetDropped(TableId id);
  // A folder name for the table that no table uses, nor one whose folder is still to be deleted.
  Result<std::string> NewLocation(const QualifiedName& name, TableId id);

 private:
  MetaStore(Database& database, bool is_new) : database_(database), is_new_(is_new) {}

  Result<uint64_t> NextOf(std::string_view counter) VARVE_EXCLUDES(mu_);

  Database& database_;
  const bool is_new_;
  Mutex mu_;  // one number at a time
};

// CREATE TABLE for a definition, tagged so that the redirection knows it.
duckdb::unique_ptr<duckdb::SQLStatement> CreateStatementFor(const TableDef& table);

}  // namespace varve::engine
