// Describes a Varve table: its columns and what the table does with them.
//
// Role:     catalog -> [TableDef] -> ingest, buffer, flush, lake, engine. Immutable and shared; a
//           change of definition makes a new one with a higher schema_version.
// Limits:   at most kColumnsMax columns; partition columns are text, integer or date.
// Threads:  immutable after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/type.h"

namespace varve {

inline constexpr size_t kColumnsMax = 1600;  // PostgreSQL's own limit.
// The column that says whose a row is: projects with storage of their own are told by it.
inline constexpr std::string_view kProjectColumn = "project_id";

struct ColumnDef {
  ColumnId id;
  std::string name;
  Type type;
  bool nullable = true;
  bool bloom = false;
  // SQL text of the DEFAULT clause, empty when there is none. Only constants are evaluated by the
  // fast ingest path; anything else goes through DuckDB.
  std::string default_sql;
};

struct QualifiedName {
  std::string schema;
  std::string table;
  std::string ToString() const { return schema + "." + table; }
  auto operator<=>(const QualifiedName&) const = default;
};

struct SortKey {
  uint32_t column = 0;  // index into columns
  bool descending = false;
};

struct TableDef {
  TableId id;
  uint32_t schema_version = 1;
  QualifiedName name;
  std::vector<ColumnDef> columns;           // in declaration order
  uint32_t time_column = 0;                 // index; timestamptz, NOT NULL
  std::vector<uint32_t> partition_columns;  // indexes, in path order; may be empty
  std::vector<SortKey> sort_order;          // first is the time column, descending
  std::optional<uint32_t> derived_date;     // index of a `date` column that follows the time column
  std::string location;                     // folder of the Delta table below the lake's root
  std::optional<int64_t> retention_us;
  // Of a part, which holds the rows that one project has in its own bucket: the table it is a part
  // of, whose name and columns it has too, and the project. SQL knows the whole table only.
  TableId parent;       // 0: not a part
  std::string project;  // empty: not a part

  bool is_part() const { return !project.empty(); }
  // The text column kProjectColumn, if the table is partitioned by it: then it can have parts.
  std::optional<uint32_t> project_column() const;

  // Index of the column called `column` (exact match), or nullopt.
  std::optional<uint32_t> FindColumn(std::string_view column) const;
  std::optional<uint32_t> FindColumn(ColumnId column) const;
};

using TableRef = std::shared_ptr<const TableDef>;

}  // namespace varve
