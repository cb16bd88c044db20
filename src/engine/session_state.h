// Holds what DuckDB's callbacks need to know about the session whose statement they serve.
//
// Role:     Session sets it up for each statement -> [SessionState], found through the
//           ClientContext -> redirection (what the statement sees), insert operator (where its rows
//           go).
// Threads:  changed by the session's thread between statements; DuckDB's workers only read it while
//           one runs, but for statement_rows, which the insert operator's last step appends to.
#pragma once

#include <duckdb.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "buffer/buffer.h"
#include "catalog/catalog.h"
#include "engine/table_view.h"
#include "engine/text_cast.h"

namespace varve::engine {

// The tag of a DuckDB table entry that says which Varve table holds its rows; the value is the id.
inline constexpr const char* kTableIdTag = "varve_table_id";
// Schema of the engine's own tables in meta.duckdb.
inline constexpr const char* kInternalSchema = "varve_internal";
// Schema of the system views and functions: varve.tables, varve.flush.
inline constexpr const char* kSystemSchema = "varve";
// Where a ClientContext keeps the state.
inline constexpr const char* kSessionStateKey = "varve_session";

class SessionState : public duckdb::ClientContextState {
 public:
  explicit SessionState(const catalog::Catalog& catalog) : catalog_(catalog) {}

  // The state of the session that `context` belongs to; nullptr for the engine's own connections.
  static duckdb::shared_ptr<SessionState> Of(duckdb::ClientContext& context);

  // The Varve table behind a DuckDB table; nullptr for an ordinary one. Throws (XX000) when the tag
  // names a table that nobody knows.
  TableRef FindTable(const duckdb::TableCatalogEntry& entry) const;
  TableView View(const TableRef& table) const;

  // The snapshot that the running statement reads.
  buffer::SnapshotRef snapshot;
  // Rows of the open transaction, oldest first.
  WriteSet transaction_rows;
  // Rows of the running statement: they join transaction_rows, or the log, when it has succeeded.
  WriteSet statement_rows;
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

 private:
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
