// Works out which Varve table a CREATE TABLE or ALTER TABLE statement means.
//
// Role:     Session (DDL) -> [PlanCreateTable, PlanAddColumn, PlanSetOptions] -> the statement as
//           DuckDB is to run it, and the definition that the registry keeps.
// Errors:   42P16 no time column; 22023 unknown option or bad value; 0A000 what Varve tables do not
//           have (keys, checks, generated columns, some types); 42703 an option names no column.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>
#include <duckdb/parser/parsed_data/alter_table_info.hpp>
#include <duckdb/parser/parsed_data/create_table_info.hpp>

#include "base/status.h"
#include "model/schema.h"

namespace varve::engine {

// Completes `info`, whose column types are bound: the derived date is appended, the time column
// made NOT NULL, Varve's options are taken out. Id and location are the caller's to give; so is the
// tag.
Result<TableDef> PlanCreateTable(duckdb::CreateTableInfo& info);

// The table with the new column, whose type is bound.
Result<TableDef> PlanAddColumn(const TableDef& table, const duckdb::AddColumnInfo& info);
Result<TableDef> PlanSetOptions(const TableDef& table, const duckdb::SetTableOptionsInfo& info);
Result<TableDef> PlanResetOptions(const TableDef& table, const duckdb::ResetTableOptionsInfo& info);

}  // namespace varve::engine
