// The half of DuckSession that runs CREATE, ALTER and DROP.
//
// Definitions are DuckDB's own; for a Varve table, our registry's row changes in the same
// transaction and what the lake needs waits in changes_ for its commit.
#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/table_catalog_entry.hpp>
#include <duckdb/catalog/entry_lookup_info.hpp>
#include <duckdb/main/client_context.hpp>
#include <duckdb/parser/parsed_data/create_function_info.hpp>
#include <duckdb/parser/parsed_data/create_index_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>
#include <duckdb/parser/parsed_data/create_view_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>
#include <duckdb/parser/statement/alter_statement.hpp>
#include <duckdb/parser/statement/create_statement.hpp>
#include <duckdb/parser/statement/drop_statement.hpp>
#include <duckdb/planner/binder.hpp>

#include "engine/access_guard.h"
#include "engine/dialect_rewrite.h"
#include "engine/duck_guard.h"
#include "engine/duck_session.h"
#include "engine/ring_tables.h"
#include "engine/table_ddl.h"

namespace varve::engine {

using duckdb::CatalogType;

namespace {

bool IsRing(const std::string& schema) { return duckdb::StringUtil::CIEquals(schema, kRingSchema); }

// In schema ring: made by a user before the schema was reserved, and his to rename and to drop.
bool IsUsersOwn(duckdb::optional_ptr<duckdb::CatalogEntry> entry) {
  return entry && !IsRingView(*entry);
}

bool IsOwnSchema(const std::string& schema) {
  return duckdb::StringUtil::CIEquals(schema, kInternalSchema) ||
         duckdb::StringUtil::CIEquals(schema, kSystemSchema) || IsRing(schema);
}

Status RefuseReserved(const std::string& schema) {
  if (!IsOwnSchema(schema)) return OkStatus();
  return SqlErrorf(sqlstate::kInsufficientPrivilege, "permission denied for schema {}", schema);
}

// The schema that the name of an existing thing is found in, when the statement names none.
std::string SchemaFound(duckdb::ClientContext& context, const std::string& catalog,
                        CatalogType type, const std::string& name) {
  std::string schema;
  context.RunFunctionInTransaction([&] {
    const duckdb::EntryLookupInfo lookup(type, name);
    const auto entry = duckdb::Catalog::GetEntry(context, catalog, INVALID_SCHEMA, lookup,
                                                 duckdb::OnEntryNotFound::RETURN_NULL);
    if (entry) schema = entry->ParentSchema().name;
  });
  return schema;
}

bool IsBuiltIn(duckdb::ClientContext& context, CatalogType type, const std::string& name) {
  bool found = false;
  context.RunFunctionInTransaction([&] {
    for (const char* schema : {DEFAULT_SCHEMA, "pg_catalog"}) {
      const duckdb::EntryLookupInfo lookup(type, name);
      const auto entry = duckdb::Catalog::GetEntry(context, SYSTEM_CATALOG, schema, lookup,
                                                   duckdb::OnEntryNotFound::RETURN_NULL);
      found = found || entry != nullptr;
    }
  });
  return found;
}

// PostgreSQL finds what is built in before a user's own of the same name; DuckDB the other way
// round, so that one user's sum() would be everybody's.
Status RefuseShadow(duckdb::ClientContext& context, const duckdb::CreateInfo& info) {
  const auto denied = [](std::string_view kind, const std::string& name) {
    return SqlErrorf(sqlstate::kInsufficientPrivilege,
                     "permission denied to create {} \"{}\": the name is built in", kind, name);
  };
  if (info.type == CatalogType::MACRO_ENTRY || info.type == CatalogType::TABLE_MACRO_ENTRY) {
    const auto& name = info.Cast<duckdb::CreateFunctionInfo>().name;
    for (const auto type :
         {CatalogType::SCALAR_FUNCTION_ENTRY, CatalogType::TABLE_FUNCTION_ENTRY}) {
      if (IsBuiltIn(context, type, name)) return denied("function", name);
    }
  } else if (info.type == CatalogType::TABLE_ENTRY || info.type == CatalogType::VIEW_ENTRY) {
    const auto& name = info.type == CatalogType::TABLE_ENTRY
                           ? info.Cast<duckdb::CreateTableInfo>().table
                           : info.Cast<duckdb::CreateViewInfo>().view_name;
    if (IsBuiltIn(context, CatalogType::TABLE_ENTRY, name)) return denied("relation", name);
  }
  return OkStatus();
}

void BindType(duckdb::ClientContext& context, duckdb::LogicalType& type) {
  auto binder = duckdb::Binder::CreateBinder(context);
  binder->BindLogicalType(type);
}

}  // namespace

bool DuckSession::TableExists(const std::string& schema, const std::string& name) {
  return EntryOf(schema, name) != nullptr;
}

duckdb::optional_ptr<duckdb::CatalogEntry> DuckSession::EntryOf(const std::string& schema,
                                                                const std::string& name) {
  duckdb::optional_ptr<duckdb::CatalogEntry> entry;
  duck_->context->RunFunctionInTransaction([&] {
    const duckdb::EntryLookupInfo lookup(CatalogType::TABLE_ENTRY, name);
    entry = duckdb::Catalog::GetEntry(*duck_->context, INVALID_CATALOG, schema, lookup,
                                      duckdb::OnEntryNotFound::RETURN_NULL);
  });
  return entry;
}

TableRef DuckSession::VarveTable(const std::string& schema, const std::string& name) {
  const auto entry = EntryOf(schema, name);
  if (!entry || entry->type != CatalogType::TABLE_ENTRY) return nullptr;
  return state_->FindTable(entry->Cast<duckdb::TableCatalogEntry>());
}

StreamOutcome DuckSession::RunDefinition(const duckdb::SQLStatement& parsed,
                                         std::string_view text) {
  const bool own_transaction = mode_ == Mode::kAutoCommit;
  if (own_transaction) mode_ = Mode::kImplicit;
  auto outcome = GuardDuck(text, [&]() -> StreamOutcome {
    VARVE_RETURN_IF_ERROR(EnsureDuckTransaction());
    switch (parsed.type) {
      case duckdb::StatementType::CREATE_STATEMENT:
        return RunCreate(parsed, text);
      case duckdb::StatementType::ALTER_STATEMENT:
        return RunAlter(parsed, text);
      default:
        return RunDrop(parsed, text);
    }
  });
  if (!own_transaction) return outcome;
  if (!outcome.ok()) {
    Rollback();
    return outcome;
  }
  VARVE_RETURN_IF_ERROR(Commit());
  return outcome;
}

StreamOutcome DuckSession::RunCreate(const duckdb::SQLStatement& parsed, std::string_view text) {
  const auto& info = *parsed.Cast<duckdb::CreateStatement>().info;
  VARVE_RETURN_IF_ERROR(RefuseReserved(info.schema));
  if (info.schema.empty() && !info.temporary) {
    VARVE_RETURN_IF_ERROR(RefuseReserved(settings_.schemas().front()));
  }
  VARVE_RETURN_IF_ERROR(RefuseShadow(*duck_->context, info));
  switch (info.type) {
    case CatalogType::TABLE_ENTRY:
      if (!info.temporary && !duckdb::StringUtil::CIEquals(info.schema, "pg_temp")) {
        return RunCreateTable(parsed, text);
      }
      has_temporary_ = true;
      break;
    case CatalogType::VIEW_ENTRY:
      has_temporary_ = has_temporary_ || info.temporary;
      break;
    case CatalogType::SCHEMA_ENTRY:
      if (duckdb::StringUtil::StartsWith(duckdb::StringUtil::Lower(info.schema), "pg_")) {
        return SqlErrorf("42939", "unacceptable schema name \"{}\"", info.schema);
      }
      break;
    case CatalogType::INDEX_ENTRY:
      if (const auto& index = info.Cast<duckdb::CreateIndexInfo>();
          VarveTable(index.schema, index.table)) {
        return SqlErrorf(sqlstate::kFeatureNotSupported,
                         "CREATE INDEX is not supported for table \"{}\"", index.table);
      }
      break;
    default:
      break;
  }
  return RunSql(parsed, text, {});
}

StreamOutcome DuckSession::RunCreateTable(const duckdb::SQLStatement& parsed,
                                          std::string_view text) {
  auto statement = parsed.Copy();
  ApplyDialect(*statement);
  auto& info = statement->Cast<duckdb::CreateStatement>().info->Cast<duckdb::CreateTableInfo>();
  if (info.schema.empty()) info.schema = settings_.schemas().front();
  if (info.query) {
    return WithHint(SqlError(sqlstate::kFeatureNotSupported,
                             "CREATE TABLE AS is supported for temporary tables only"),
                    "Create the table, then INSERT INTO ... SELECT.");
  }
  if (info.on_conflict == duckdb::OnCreateConflict::REPLACE_ON_CONFLICT) {
    return SqlError(sqlstate::kFeatureNotSupported, "CREATE OR REPLACE TABLE is not supported");
  }
  if (TableExists(info.schema, info.table)) {
    if (info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) {
      return std::make_unique<FixedResult>("CREATE TABLE");
    }
    return SqlErrorf(sqlstate::kDuplicateTable, "relation \"{}\" already exists", info.table);
  }
  duck_->context->RunFunctionInTransaction([&] {
    for (auto& column : info.columns.Logical()) {
      BindType(*duck_->context, info.columns.GetColumnMutable(column.Logical()).TypeMutable());
    }
  });
  VARVE_ASSIGN_OR_RETURN(TableDef table, PlanCreateTable(info));
  VARVE_ASSIGN_OR_RETURN(table.id, core_.meta->NewTableId());
  VARVE_ASSIGN_OR_RETURN(table.location, core_.meta->NewLocation(table.name, table.id));
  info.tags[kTableIdTag] = std::to_string(table.id.value);
  const InternalScope internal(*state_);
  VARVE_RETURN_IF_ERROR(RunDuck(std::move(statement), text, {}, false).status());
  VARVE_RETURN_IF_ERROR(MetaStore::Insert(*duck_, table));
  VARVE_RETURN_IF_ERROR(CreateParts(table));
  NoteChange({nullptr, std::make_shared<const TableDef>(std::move(table))});
  return std::make_unique<FixedResult>("CREATE TABLE");
}

// Parts come before their table wherever a definition changes: who knows the table's new columns
// finds parts that have them.
Status DuckSession::CreateParts(const TableDef& table) {
  if (core_.options.projects == nullptr || !table.project_column()) return OkStatus();
  const auto projects = core_.options.projects->ids();
  for (const auto& project : *projects) {
    VARVE_ASSIGN_OR_RETURN(TableDef part, NewPart(*core_.meta, table, project));
    VARVE_RETURN_IF_ERROR(MetaStore::Insert(*duck_, part));
    NoteChange({nullptr, std::make_shared<const TableDef>(std::move(part))});
  }
  return OkStatus();
}

Status DuckSession::AlterParts(const TableDef& changed) {
  for (const auto& [project, part] : state_->PartsOf(changed.id)) {
    TableDef after = ChangedPart(changed, *part);
    VARVE_RETURN_IF_ERROR(MetaStore::Replace(*duck_, after));
    NoteChange({part, std::make_shared<const TableDef>(std::move(after))});
  }
  return OkStatus();
}

Status DuckSession::DropWithParts(const TableRef& table) {
  for (const auto& [project, part] : state_->PartsOf(table->id)) {
    const auto lake_id = core_.tables->LakeId(part->id);
    if (!lake_id && core_.catalog.Find(part->id)) {
      return WithHint(SqlErrorf(sqlstate::kIoError,
                                "storage of project \"{}\" cannot be reached, and rows of table "
                                "\"{}\" would stay there",
                                project, table->name.table),
                      "Try again, or take the storage from the project first.");
    }
    VARVE_RETURN_IF_ERROR(MetaStore::Drop(*duck_, *part, lake_id));
    NoteChange({part, nullptr});
  }
  VARVE_RETURN_IF_ERROR(MetaStore::Drop(*duck_, *table, core_.tables->LakeId(table->id)));
  NoteChange({table, nullptr});
  return OkStatus();
}

StreamOutcome DuckSession::RunAlter(const duckdb::SQLStatement& parsed, std::string_view text) {
  auto statement = parsed.Copy();
  ApplyDialect(*statement);
  auto& info = *statement->Cast<duckdb::AlterStatement>().info;
  if (!IsRing(info.schema) || !IsUsersOwn(EntryOf(info.schema, info.name))) {
    VARVE_RETURN_IF_ERROR(RefuseReserved(info.schema));
  }
  if (info.schema.empty()) {
    VARVE_RETURN_IF_ERROR(RefuseReserved(
        SchemaFound(*duck_->context, info.catalog, info.GetCatalogType(), info.name)));
  }
  const auto table = VarveTable(info.schema, info.name);
  if (!table || info.type != duckdb::AlterType::ALTER_TABLE) return RunSql(parsed, text, {});
  auto& alter = info.Cast<duckdb::AlterTableInfo>();
  Result<TableDef> changed =
      SqlErrorf(sqlstate::kFeatureNotSupported,
                "this ALTER TABLE is not supported for table \"{}\"", table->name.table);
  bool in_duck = false;
  switch (alter.alter_table_type) {
    case duckdb::AlterTableType::ADD_COLUMN: {
      auto& add = alter.Cast<duckdb::AddColumnInfo>();
      if (table->FindColumn(add.new_column.Name())) {
        if (add.if_column_not_exists) return std::make_unique<FixedResult>("ALTER TABLE");
        return SqlErrorf(sqlstate::kDuplicateColumn,
                         "column \"{}\" of relation \"{}\" already exists", add.new_column.Name(),
                         table->name.table);
      }
      duck_->context->RunFunctionInTransaction(
          [&] { BindType(*duck_->context, add.new_column.TypeMutable()); });
      changed = PlanAddColumn(*table, add);
      in_duck = true;
      break;
    }
    case duckdb::AlterTableType::SET_TABLE_OPTIONS:
      changed = PlanSetOptions(*table, alter.Cast<duckdb::SetTableOptionsInfo>());
      break;
    case duckdb::AlterTableType::RESET_TABLE_OPTIONS:
      changed = PlanResetOptions(*table, alter.Cast<duckdb::ResetTableOptionsInfo>());
      break;
    case duckdb::AlterTableType::RENAME_TABLE:
      changed = PlanRename(*table, alter.Cast<duckdb::RenameTableInfo>().new_table_name);
      in_duck = true;
      break;
    default:
      break;
  }
  VARVE_RETURN_IF_ERROR(changed.status());
  const InternalScope internal(*state_);
  if (in_duck) VARVE_RETURN_IF_ERROR(RunDuck(std::move(statement), text, {}, false).status());
  VARVE_RETURN_IF_ERROR(MetaStore::Replace(*duck_, *changed));
  VARVE_RETURN_IF_ERROR(AlterParts(*changed));
  NoteChange({table, std::make_shared<const TableDef>(*std::move(changed))});
  return std::make_unique<FixedResult>("ALTER TABLE");
}

// The name of a table is in the lake, and other servers know it by that. Only one that is not
// there, because its folder is another's, may have another.
Result<TableDef> DuckSession::PlanRename(const TableDef& table, const std::string& name) {
  const auto snapshot = core_.parts.buffer->Snapshot();
  const auto shown = snapshot->find(table.id);
  const bool is_served = shown == snapshot->end() || shown->second->files->unreadable.empty() ||
                         core_.tables->LakeId(table.id);
  if (is_served || !state_->PartsOf(table.id).empty()) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "ALTER TABLE RENAME is not supported for table \"{}\"", table.name.table);
  }
  if (TableExists(table.name.schema, name)) {
    return SqlErrorf(sqlstate::kDuplicateTable, "relation \"{}\" already exists", name);
  }
  TableDef renamed = table;
  renamed.name.table = name;
  renamed.schema_version++;
  VARVE_ASSIGN_OR_RETURN(renamed.location, core_.meta->NewLocation(renamed.name, renamed.id));
  return renamed;
}

StreamOutcome DuckSession::RunDrop(const duckdb::SQLStatement& parsed, std::string_view text) {
  const auto& info = *parsed.Cast<duckdb::DropStatement>().info;
  if (!IsRing(info.schema) || !IsUsersOwn(EntryOf(info.schema, info.name))) {
    VARVE_RETURN_IF_ERROR(RefuseReserved(info.schema));
  }
  if (info.schema.empty() && info.type != CatalogType::SCHEMA_ENTRY) {
    VARVE_RETURN_IF_ERROR(
        RefuseReserved(SchemaFound(*duck_->context, info.catalog, info.type, info.name)));
  }
  std::vector<TableRef> dropped;
  if (info.type == CatalogType::TABLE_ENTRY) {
    if (auto table = VarveTable(info.schema, info.name)) dropped.push_back(std::move(table));
  } else if (info.type == CatalogType::SCHEMA_ENTRY) {
    VARVE_RETURN_IF_ERROR(RefuseReserved(info.name));
    dropped = TablesIn(info.name);
    if (!dropped.empty() && !info.cascade) {
      return WithHint(SqlErrorf("2BP01",
                                "cannot drop schema {} because other objects depend on it: table "
                                "{} depends on schema {}",
                                info.name, dropped.front()->name.ToString(), info.name),
                      "Use DROP ... CASCADE to drop the dependent objects too.");
    }
  }
  if (dropped.empty()) return RunSql(parsed, text, {});
  const InternalScope internal(*state_);
  VARVE_RETURN_IF_ERROR(RunDuck(parsed.Copy(), text, {}, false).status());
  for (const auto& table : dropped) VARVE_RETURN_IF_ERROR(DropWithParts(table));
  return std::make_unique<FixedResult>(VerbOf(parsed));
}

std::vector<TableRef> DuckSession::TablesIn(const std::string& schema) const {
  std::vector<TableRef> tables;
  // DuckDB, which drops them, does not tell upper from lower case.
  for (auto& table : core_.catalog.List()) {
    if (duckdb::StringUtil::CIEquals(table->name.schema, schema) &&
        !state_->own_tables.contains(table->id)) {
      tables.push_back(std::move(table));
    }
  }
  for (const auto& [id, own] : state_->own_tables) {
    if (own && !own->is_part() && duckdb::StringUtil::CIEquals(own->name.schema, schema)) {
      tables.push_back(own);
    }
  }
  return tables;
}

void DuckSession::NoteChange(DefinitionChange change) {
  const auto id = change.after ? change.after->id : change.before->id;
  state_->own_tables[id] = change.after;
  for (auto& earlier : changes_) {
    if (!earlier.after || earlier.after->id != id) continue;
    // Several changes of one table in one transaction are one: from its first form to its last.
    earlier.after = std::move(change.after);
    if (!earlier.before && !earlier.after) {
      std::erase_if(changes_, [](const auto& c) { return !c.before && !c.after; });
    }
    return;
  }
  changes_.push_back(std::move(change));
}

}  // namespace varve::engine
