#include "engine/own_entries.h"

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/schema_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/view_catalog_entry.hpp>
#include <duckdb/main/database_manager.hpp>
#include <string>

#include "engine/database.h"
#include "engine/duck_guard.h"

namespace varve::engine {
namespace {

using duckdb::CatalogType;

// A view may have other columns although its text is the same: those of a function that changed.
std::string Describe(const duckdb::CatalogEntry& entry) {
  std::string text = entry.ToSQL() + "\n";
  if (entry.type != CatalogType::VIEW_ENTRY) return text;
  const auto columns = entry.Cast<duckdb::ViewCatalogEntry>().GetColumnInfo();
  if (columns == nullptr) return text;
  for (duckdb::idx_t i = 0; i < columns->names.size(); i++) {
    text += columns->names[i] + " " + columns->types[i].ToString() + "\n";
  }
  return text;
}

// Everything of ours in the schemas, as text; in a transaction of the connection.
Result<std::string> DescribeAll(duckdb::Connection& connection,
                                std::span<const char* const> schemas) {
  return GuardDuck([&]() -> Result<std::string> {
    duckdb::ClientContext& context = *connection.context;
    std::string text;
    for (const char* name : schemas) {
      auto schema =
          duckdb::Catalog::GetSchema(context, duckdb::DatabaseManager::GetDefaultDatabase(context),
                                     name, duckdb::OnEntryNotFound::RETURN_NULL);
      text += fmt::format("{} {}\n", name, schema ? "is there" : "is not there");
      if (!schema) continue;
      for (const CatalogType type :
           {CatalogType::VIEW_ENTRY, CatalogType::MACRO_ENTRY, CatalogType::TABLE_MACRO_ENTRY}) {
        schema->Scan(context, type, [&](duckdb::CatalogEntry& entry) { text += Describe(entry); });
      }
    }
    return text;
  });
}

}  // namespace

Status ReplaceOwnEntries(duckdb::Connection& connection, std::span<const char* const> schemas,
                         const std::function<Status()>& create) {
  VARVE_RETURN_IF_ERROR(RunInternal(connection, "BEGIN").status());
  const auto differ = [&]() -> Result<bool> {
    VARVE_ASSIGN_OR_RETURN(const std::string before, DescribeAll(connection, schemas));
    VARVE_RETURN_IF_ERROR(create());
    VARVE_ASSIGN_OR_RETURN(const std::string after, DescribeAll(connection, schemas));
    return before != after;
  };
  const Result<bool> changed = differ();
  const bool commit = changed.ok() && *changed;
  const Status ended = RunInternal(connection, commit ? "COMMIT" : "ROLLBACK").status();
  return changed.ok() ? ended : changed.status();
}

}  // namespace varve::engine
