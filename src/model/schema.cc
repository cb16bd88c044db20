#include "model/schema.h"

namespace varve {

std::optional<uint32_t> TableDef::FindColumn(std::string_view column) const {
  for (uint32_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return i;
  }
  return std::nullopt;
}

std::optional<uint32_t> TableDef::FindColumn(ColumnId column) const {
  for (uint32_t i = 0; i < columns.size(); ++i) {
    if (columns[i].id == column) return i;
  }
  return std::nullopt;
}

std::optional<uint32_t> TableDef::project_column() const {
  for (const uint32_t column : partition_columns) {
    if (columns[column].name == kProjectColumn && columns[column].type.kind() == TypeKind::kText) {
      return column;
    }
  }
  return std::nullopt;
}

}  // namespace varve
