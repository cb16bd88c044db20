#include "engine/catalog_edit.h"

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/aggregate_function_catalog_entry.hpp>
#include <duckdb/catalog/catalog_entry/scalar_function_catalog_entry.hpp>
#include <duckdb/parser/parsed_data/create_aggregate_function_info.hpp>
#include <duckdb/parser/parsed_data/create_scalar_function_info.hpp>
#include <duckdb/parser/parsed_data/drop_info.hpp>

namespace varve::engine {

using namespace duckdb;  // NOLINT(google-build-using-namespace): this file is about nothing else

namespace {

optional_ptr<CatalogEntry> Find(DatabaseInstance& db, CatalogType type, const std::string& name) {
  auto transaction = CatalogTransaction::GetSystemTransaction(db);
  auto& schema = Catalog::GetSystemCatalog(db).GetSchema(transaction, DEFAULT_SCHEMA);
  return schema.GetEntry(transaction, type, name);
}

template <typename Info, typename Set>
void Replace(DatabaseInstance& db, Set set) {
  Info info(std::move(set));
  info.schema = DEFAULT_SCHEMA;
  info.internal = true;
  info.on_conflict = OnCreateConflict::REPLACE_ON_CONFLICT;
  auto transaction = CatalogTransaction::GetSystemTransaction(db);
  Catalog::GetSystemCatalog(db).CreateFunction(transaction, info);
}

template <typename Entry, typename Set>
Set Copy(DatabaseInstance& db, CatalogType type, const std::string& name) {
  Set set(name);
  if (auto entry = Find(db, type, name)) {
    // Scalar functions, aggregates and macros share one name space.
    if (entry->type == type) set = entry->Cast<Entry>().functions;
  }
  set.name = name;
  return set;
}

}  // namespace

ScalarFunctionSet ScalarFunctionsOf(DatabaseInstance& db, const std::string& name) {
  return Copy<ScalarFunctionCatalogEntry, ScalarFunctionSet>(db, CatalogType::SCALAR_FUNCTION_ENTRY,
                                                             name);
}

AggregateFunctionSet AggregatesOf(DatabaseInstance& db, const std::string& name) {
  return Copy<AggregateFunctionCatalogEntry, AggregateFunctionSet>(
      db, CatalogType::AGGREGATE_FUNCTION_ENTRY, name);
}

void DropMacro(DatabaseInstance& db, const std::string& name) {
  for (const auto* schema : {DEFAULT_SCHEMA, "pg_catalog"}) {
    Connection connection(db);
    connection.BeginTransaction();
    auto& catalog = Catalog::GetSystemCatalog(db);
    auto entry = catalog.GetSchema(*connection.context, schema)
                     .GetEntry(catalog.GetCatalogTransaction(*connection.context),
                               CatalogType::MACRO_ENTRY, name);
    if (entry && entry->type == CatalogType::MACRO_ENTRY) {
      DropInfo info;
      info.type = CatalogType::MACRO_ENTRY;
      info.schema = schema;
      info.name = name;
      info.allow_drop_internal = true;
      catalog.DropEntry(*connection.context, info);
    }
    connection.Commit();
  }
}

void ReplaceFunction(DatabaseInstance& db, ScalarFunctionSet set) {
  Replace<CreateScalarFunctionInfo>(db, std::move(set));
}

void ReplaceFunction(DatabaseInstance& db, AggregateFunctionSet set) {
  Replace<CreateAggregateFunctionInfo>(db, std::move(set));
}

void AddOverloads(DatabaseInstance& db, ScalarFunctionSet set) {
  auto all = ScalarFunctionsOf(db, set.name);
  all.MergeFunctionSet(std::move(set), true);
  ReplaceFunction(db, std::move(all));
}

void AddOverloads(DatabaseInstance& db, AggregateFunctionSet set) {
  auto all = AggregatesOf(db, set.name);
  // AggregateFunction has no comparison of its own arguments that MergeFunctionSet could use.
  for (auto& added : set.functions) {
    auto same = [&](const AggregateFunction& old) { return old.arguments == added.arguments; };
    auto& list = all.functions;
    list.erase(std::remove_if(list.begin(), list.end(), same), list.end());
    list.push_back(std::move(added));
  }
  ReplaceFunction(db, std::move(all));
}

}  // namespace varve::engine
