// Holds what DuckDB's callbacks need to know about the session whose statement they serve.
//
// Role:     Session sets it up for each statement -> [SessionState], found through the
//           ClientContext -> redirection (what the statement sees), insert operator (where its rows
//           go).
// Threads:  changed by the session's thread between statements; DuckDB's workers only read it while
//           one runs, but for statement_rows and statement_change, which the last step of the
//           operators fills in.
#pragma once

#include <duckdb.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "buffer/buffer.h"
#include "catalog/catalog.h"
#include "engine/session.h"
#include "engine/table_view.h"
#include "engine/text_cast.h"

namespace varve::engine {

struct RowChange;

// The tag of a DuckDB table entry that says which Varve table holds its rows; the value is the id.
inline constexpr const char* kTableIdTag = "varve_table_id";
// Schema of the engine's own tables in meta.duckdb.
inline constexpr const char* kInternalSchema = "varve_internal";
// Schema of the system views and functions: varve.tables, varve.flush.
inline constexpr const char* kSystemSchema = "varve";
// Where a ClientContext keeps the state.
inline constexpr const char* kSessionStateKey = "varve_session";

// How a transaction has changed the files of a table so far.
struct TableEdit {
  TableRef table;
  std::string operation;          // of the last statement, for the Delta log
  std::set<std::string> removed;  // paths of files of the table
  std::vector<std::shared_ptr<const DataFile>> added;
  // When the first of `added` began to be stored, on the monotonic clock.
  std::optional<int64_t> stored_us;
  size_t rows_taken = 0;  // of SessionState::transaction_rows: they are in `added`

  // `files` with the changes made; 40001 when another writer has replaced one of the files.
  Result<FileSetRef> Apply(const FileSetRef& files) const;
};
using TableEditRef = std::shared_ptr<const TableEdit>;

class SessionState : public duckdb::ClientContextState {
 public:
  explicit SessionState(const catalog::Catalog& catalog);
  ~SessionState() override;

  // The state of the session that `context` belongs to; nullptr for the engine's own connections.
  static duckdb::shared_ptr<SessionState> Of(duckdb::ClientContext& context);

  // The Varve table behind a DuckDB table; nullptr for an ordinary one. Throws (XX000) when the tag
  // names a table that nobody knows.
  TableRef FindTable(const duckdb::TableCatalogEntry& entry) const;
  // With what its parts hold.
  TableView View(const TableRef& table) const;
  // What the running DELETE or UPDATE of `table` changes: the table's own files, or those of the
  // part that change_target names; nullopt when it changes another table.
  std::optional<TableView> ViewOfChange(const TableRef& table) const;
  // The parts of the table as the open transaction sees them, by project.
  catalog::PartMap PartsOf(TableId table) const;

  // The snapshot that the running statement reads.
  buffer::SnapshotRef snapshot;
  // Rows of the open transaction, oldest first.
  WriteSet transaction_rows;
  // Rows of the running statement: they join transaction_rows, or the log, when it has succeeded.
  WriteSet statement_rows;
  // The table whose rows the running statement deletes or updates. Rows of it that are not in the
  // lake are newer than the statement, which does not see them.
  std::optional<TableId> change_target;
  // What that statement found, when it has succeeded.
  std::unique_ptr<RowChange> statement_change;
  // The changes of files by the open transaction, the newest last, which includes the others. At
  // most one table has any.
  std::vector<TableEditRef> edits;
  // The engine itself runs SQL on the session's connection: no guard, no redirection.
  bool is_internal = false;
  // Bytes of rows that one statement may gather; 54000 past it.
  uint64_t rows_bytes_max = UINT64_MAX;
  // How text becomes a value; empty: DuckDB's way.
  TextReaders text_readers;
  // How a value of a type without zone becomes text; empty: DuckDB's way.
  TextWriter text_writer;
  // Definitions that the open transaction made or changed; nullptr for a dropped table.
  std::map<TableId, TableRef> own_tables;
  // What the session sees of the rings, if not all of them; it may only read then.
  std::shared_ptr<const RingScope> ring_scope;

 private:
  // Of one table or part. `unreadable` says why its files are not among them.
  TableView ViewOne(const TableRef& table, Status& unreadable) const;
  void AddPart(const TableRef& part, TableView& view, FileHomes& homes) const;

  const catalog::Catalog& catalog_;
};

// While one is alive, the connection runs SQL of the engine's own.
class InternalScope {
 public:
  explicit InternalScope(SessionState& state)
      : state_(state), before_(std::exchange(state.is_internal, true)) {}
  ~InternalScope() { state_.is_internal = before_; }
  InternalScope(const InternalScope&) = delete;
  InternalScope& operator=(const InternalScope&) = delete;

 private:
  SessionState& state_;
  const bool before_;
};

// The error of whoever reads or writes a table whose Delta table cannot be served.
Status UnreadableTable(const TableDef& table, const FileSet& files);

// The id in the entry's tag, or nullopt for an ordinary table.
std::optional<TableId> TaggedTableId(const duckdb::CatalogEntry& entry);

}  // namespace varve::engine
