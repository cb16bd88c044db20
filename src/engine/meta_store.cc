#include "engine/meta_store.h"

#include <duckdb/parser/constraints/not_null_constraint.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/parser/statement/create_statement.hpp>

#include "engine/definition_codec.h"
#include "engine/duck_guard.h"
#include "engine/session_state.h"
#include "engine/type_mapping.h"

namespace varve::engine {

namespace {

constexpr const char* kSetUp[] = {
    "CREATE SCHEMA IF NOT EXISTS public",
    "CREATE SCHEMA IF NOT EXISTS raw",
    "CREATE SCHEMA IF NOT EXISTS silver",
    "CREATE SCHEMA IF NOT EXISTS gold",
    "CREATE SCHEMA IF NOT EXISTS varve_internal",
    "CREATE TABLE IF NOT EXISTS varve_internal.tables (id UINTEGER NOT NULL, "
    "definition VARCHAR NOT NULL)",
    "CREATE TABLE IF NOT EXISTS varve_internal.dropped (id UINTEGER NOT NULL, "
    "location VARCHAR NOT NULL)",
    "ALTER TABLE varve_internal.dropped ADD COLUMN IF NOT EXISTS lake_id VARCHAR",
    "CREATE TABLE IF NOT EXISTS varve_internal.counters (name VARCHAR NOT NULL, "
    "value UBIGINT NOT NULL)",
    "INSERT INTO varve_internal.counters SELECT 'table_id', 0 "
    "WHERE NOT EXISTS (FROM varve_internal.counters WHERE name = 'table_id')",
    "CREATE TABLE IF NOT EXISTS varve_internal.commits (number UBIGINT NOT NULL)",
    "INSERT INTO varve_internal.counters SELECT 'commit', 0 "
    "WHERE NOT EXISTS (FROM varve_internal.counters WHERE name = 'commit')",
};

Result<std::vector<TableDef>> ReadDefinitions(duckdb::Connection& connection) {
  VARVE_ASSIGN_OR_RETURN(
      auto rows,
      RunInternal(connection, "SELECT definition FROM varve_internal.tables ORDER BY id"));
  std::vector<TableDef> tables;
  for (duckdb::idx_t i = 0; i < rows->RowCount(); i++) {
    VARVE_ASSIGN_OR_RETURN(TableDef table, DecodeDefinition(rows->GetValue(0, i).ToString()));
    tables.push_back(std::move(table));
  }
  return tables;
}

// FNV-1a: the same on every server, which have to find one folder for one name.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Of the name itself; the rest of an object's name must fit into what stores take: 1,024 bytes.
constexpr size_t kFolderBytesMax = 100;

// Keeps what a file system and a URL take as it is, up to a length; the rest becomes '_', and a
// hash tells the name from others that look alike then.
std::string FolderName(const QualifiedName& name) {
  const std::string whole = name.schema == "public" ? name.table : name.schema + "." + name.table;
  std::string folder = whole.substr(0, kFolderBytesMax);
  for (char& c : folder) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
    if (!plain) c = '_';
  }
  if (folder != whole) folder += fmt::format("-{:016x}", HashOf(whole));
  return folder.starts_with('.') || folder.starts_with('_') ? "t" + folder : folder;
}

Status Erase(duckdb::Connection& connection, const TableDef& table) {
  return RunInternal(connection,
                     fmt::format("DELETE FROM varve_internal.tables WHERE id = {}", table.id.value))
      .status();
}

// Runs `body` in a transaction of its own.
template <typename Body>
Status InTransaction(duckdb::Connection& connection, Body body) {
  VARVE_RETURN_IF_ERROR(RunInternal(connection, "BEGIN").status());
  Status status = body();
  if (status.ok()) return RunInternal(connection, "COMMIT").status();
  RunInternal(connection, "ROLLBACK").IgnoreError();
  return status;
}

}  // namespace

duckdb::unique_ptr<duckdb::SQLStatement> CreateStatementFor(const TableDef& table) {
  auto info = duckdb::make_uniq<duckdb::CreateTableInfo>(INVALID_CATALOG, table.name.schema,
                                                         table.name.table);
  for (duckdb::idx_t i = 0; i < table.columns.size(); i++) {
    const auto& column = table.columns[i];
    duckdb::ColumnDefinition definition(column.name, ToDuck(column.type));
    if (!column.default_sql.empty()) {
      auto parsed = duckdb::Parser::ParseExpressionList(column.default_sql);
      definition.SetDefaultValue(std::move(parsed.at(0)));
    }
    info->columns.AddColumn(std::move(definition));
    // The derived date is filled in after DuckDB has handed the rows over: NULL until then.
    if (!column.nullable) {
      info->constraints.push_back(
          duckdb::make_uniq<duckdb::NotNullConstraint>(duckdb::LogicalIndex(i)));
    }
  }
  info->tags[kTableIdTag] = std::to_string(table.id.value);
  auto statement = duckdb::make_uniq<duckdb::CreateStatement>();
  statement->info = std::move(info);
  return statement;
}

Result<std::unique_ptr<MetaStore>> MetaStore::Open(Database& database) {
  auto connection = database.current()->Connect();
  VARVE_ASSIGN_OR_RETURN(auto before,
                         RunInternal(connection,
                                     "SELECT 1 FROM duckdb_schemas() WHERE schema_name = "
                                     "'varve_internal'"));
  for (const char* sql : kSetUp) VARVE_RETURN_IF_ERROR(RunInternal(connection, sql).status());
  return std::unique_ptr<MetaStore>(new MetaStore(database, before->RowCount() == 0));
}

Status MetaStore::Load(catalog::Catalog& catalog) {
  auto connection = database_.current()->Connect();
  VARVE_ASSIGN_OR_RETURN(auto tables, ReadDefinitions(connection));
  for (auto& table : tables) catalog.Put(std::make_shared<const TableDef>(std::move(table)));
  return OkStatus();
}

Status MetaStore::Register(const TableDef& table, const std::function<void()>& publish) {
  auto connection = database_.current()->Connect();
  return InTransaction(connection, [&]() -> Status {
    VARVE_RETURN_IF_ERROR(
        RunInternal(connection, "CREATE SCHEMA IF NOT EXISTS " + SqlName(table.name.schema))
            .status());
    VARVE_RETURN_IF_ERROR(GuardDuck([&]() -> Status {
      auto result = connection.Query(CreateStatementFor(table));
      return result->HasError() ? StatusFromDuck(result->GetErrorObject()) : OkStatus();
    }));
    VARVE_RETURN_IF_ERROR(Insert(connection, table));
    publish();
    return OkStatus();
  });
}

Status MetaStore::Widen(const TableDef& before, const TableDef& after,
                        const std::function<void()>& publish) {
  auto connection = database_.current()->Connect();
  return InTransaction(connection, [&]() -> Status {
    for (const auto& column : after.columns) {
      if (before.FindColumn(column.name)) continue;
      VARVE_RETURN_IF_ERROR(
          RunInternal(connection, fmt::format("ALTER TABLE {}.{} ADD COLUMN {} {}",
                                              SqlName(after.name.schema), SqlName(after.name.table),
                                              SqlName(column.name), ToDuck(column.type).ToString()))
              .status());
    }
    VARVE_ASSIGN_OR_RETURN(
        auto replaced,
        RunInternal(connection,
                    fmt::format("UPDATE varve_internal.tables SET definition = {} WHERE id = {} "
                                "RETURNING id",
                                SqlLiteral(EncodeDefinition(after)), after.id.value)));
    if (replaced->RowCount() != 1) {
      return SqlErrorf(sqlstate::kUndefinedTable, "relation \"{}\" does not exist any more",
                       after.name.table);
    }
    publish();
    return OkStatus();
  });
}

Status MetaStore::Forget(const TableDef& table, const std::optional<std::string>& lake_id) {
  auto connection = database_.current()->Connect();
  return InTransaction(connection, [&]() -> Status {
    VARVE_RETURN_IF_ERROR(
        RunInternal(connection, fmt::format("DROP TABLE IF EXISTS {}.{}",
                                            SqlName(table.name.schema), SqlName(table.name.table)))
            .status());
    return Drop(connection, table, lake_id);
  });
}

Status MetaStore::SavePart(const TableDef& part) {
  auto connection = database_.current()->Connect();
  return InTransaction(connection, [&]() -> Status {
    VARVE_RETURN_IF_ERROR(Erase(connection, part));
    return Insert(connection, part);
  });
}

Status MetaStore::RemovePart(const TableDef& part, const std::optional<std::string>& lake_id) {
  auto connection = database_.current()->Connect();
  return InTransaction(connection, [&]() -> Status { return Drop(connection, part, lake_id); });
}

Status MetaStore::EnsureShipped(catalog::Catalog& catalog, TableDef table) {
  const auto existing = catalog.Find(table.name);
  if (!existing) {
    VARVE_ASSIGN_OR_RETURN(table.id, NewTableId());
    VARVE_ASSIGN_OR_RETURN(table.location, NewLocation(table.name, table.id));
    VARVE_RETURN_IF_ERROR(Register(table, [] {}));
    catalog.Put(std::make_shared<const TableDef>(std::move(table)));
    return OkStatus();
  }
  TableDef wider = *existing;
  for (auto& column : table.columns) {
    if (wider.FindColumn(column.name)) continue;
    column.id = ColumnId(wider.columns.back().id.value + 1);
    column.nullable = true;  // rows that are there have no value for it
    wider.columns.push_back(column);
  }
  if (wider.columns.size() == existing->columns.size()) return OkStatus();
  wider.schema_version++;
  VARVE_RETURN_IF_ERROR(Widen(*existing, wider, [] {}));
  catalog.Put(std::make_shared<const TableDef>(std::move(wider)));
  return OkStatus();
}

Status MetaStore::NoteTableId(TableId id) {
  MutexLock lock(mu_);
  auto connection = database_.current()->Connect();
  return RunInternal(connection,
                     fmt::format("UPDATE varve_internal.counters SET value = greatest(value, {}) "
                                 "WHERE name = 'table_id'",
                                 id.value))
      .status();
}

Result<uint64_t> MetaStore::NextOf(std::string_view counter) {
  MutexLock lock(mu_);
  auto connection = database_.current()->Connect();
  VARVE_ASSIGN_OR_RETURN(
      auto rows, RunInternal(connection, fmt::format("UPDATE varve_internal.counters SET value = "
                                                     "value + 1 WHERE name = {} RETURNING value",
                                                     SqlLiteral(counter))));
  return rows->GetValue(0, 0).GetValue<uint64_t>();
}

Result<TableId> MetaStore::NewTableId() {
  VARVE_ASSIGN_OR_RETURN(const uint64_t id, NextOf("table_id"));
  return TableId(static_cast<uint32_t>(id));
}

Result<uint64_t> MetaStore::NewCommitNumber() { return NextOf("commit"); }

Status MetaStore::NoteCommit(duckdb::Connection& connection, uint64_t number) {
  return RunInternal(connection,
                     fmt::format("INSERT INTO varve_internal.commits VALUES ({})", number))
      .status();
}

Result<std::set<uint64_t>> MetaStore::CommittedNumbers() {
  auto connection = database_.current()->Connect();
  VARVE_ASSIGN_OR_RETURN(auto rows,
                         RunInternal(connection, "SELECT number FROM varve_internal.commits"));
  std::set<uint64_t> numbers;
  for (duckdb::idx_t i = 0; i < rows->RowCount(); i++) {
    numbers.insert(rows->GetValue(0, i).GetValue<uint64_t>());
  }
  return numbers;
}

Status MetaStore::KeepCommittedNumbers(const std::set<uint64_t>& kept) {
  VARVE_ASSIGN_OR_RETURN(const auto numbers, CommittedNumbers());
  auto connection = database_.current()->Connect();
  for (const uint64_t number : numbers) {
    if (kept.contains(number)) continue;
    VARVE_RETURN_IF_ERROR(
        RunInternal(connection,
                    fmt::format("DELETE FROM varve_internal.commits WHERE number = {}", number))
            .status());
  }
  return OkStatus();
}

Result<TableId> MetaStore::HighestTableId() {
  auto connection = database_.current()->Connect();
  VARVE_ASSIGN_OR_RETURN(auto rows,
                         RunInternal(connection,
                                     "SELECT value FROM varve_internal.counters WHERE name = "
                                     "'table_id'"));
  return TableId(rows->GetValue(0, 0).GetValue<uint32_t>());
}

Status MetaStore::Insert(duckdb::Connection& connection, const TableDef& table) {
  return RunInternal(connection, fmt::format("INSERT INTO varve_internal.tables VALUES ({}, {})",
                                             table.id.value, SqlLiteral(EncodeDefinition(table))))
      .status();
}

Status MetaStore::Replace(duckdb::Connection& connection, const TableDef& table) {
  return RunInternal(connection,
                     fmt::format("UPDATE varve_internal.tables SET definition = {} WHERE id = {}",
                                 SqlLiteral(EncodeDefinition(table)), table.id.value))
      .status();
}

Status MetaStore::Drop(duckdb::Connection& connection, const TableDef& table,
                       const std::optional<std::string>& lake_id) {
  VARVE_RETURN_IF_ERROR(Erase(connection, table));
  if (!lake_id) return OkStatus();
  return RunInternal(connection,
                     fmt::format("INSERT INTO varve_internal.dropped VALUES ({}, {}, {})",
                                 table.id.value, SqlLiteral(table.location), SqlLiteral(*lake_id)))
      .status();
}

Result<std::vector<DroppedTable>> MetaStore::Dropped() {
  auto connection = database_.current()->Connect();
  VARVE_ASSIGN_OR_RETURN(
      auto rows,
      RunInternal(connection,
                  "SELECT id, location, coalesce(lake_id, '') FROM varve_internal.dropped "
                  "ORDER BY id"));
  std::vector<DroppedTable> dropped;
  dropped.reserve(rows->RowCount());
  for (duckdb::idx_t i = 0; i < rows->RowCount(); i++) {
    dropped.push_back({TableId(rows->GetValue(0, i).GetValue<uint32_t>()),
                       rows->GetValue(1, i).ToString(), rows->GetValue(2, i).ToString()});
  }
  return dropped;
}

Status MetaStore::ForgetDropped(TableId id) {
  auto connection = database_.current()->Connect();
  return RunInternal(connection,
                     fmt::format("DELETE FROM varve_internal.dropped WHERE id = {}", id.value))
      .status();
}

Result<std::string> MetaStore::NewLocation(const QualifiedName& name, TableId id) {
  auto connection = database_.current()->Connect();
  std::set<std::string> taken;
  VARVE_ASSIGN_OR_RETURN(const auto tables, ReadDefinitions(connection));
  for (const auto& table : tables) taken.insert(table.location);
  VARVE_ASSIGN_OR_RETURN(const auto dropped, Dropped());
  for (const auto& table : dropped) taken.insert(table.location);
  std::string folder = FolderName(name);
  if (taken.contains(folder)) folder += fmt::format("-{}", id.value);
  return folder;
}

}  // namespace varve::engine
