#include "ingest/copy_decoder.h"

#include <algorithm>
#include <numeric>

#include "ingest/copy_lines.h"
#include "ingest/copy_rows.h"

namespace varve::ingest {
namespace {

constexpr size_t kCopyBatchBytes = size_t{4} << 20;

Result<std::vector<uint32_t>> FindColumns(const TableDef& table,
                                          const std::vector<std::string>& names) {
  std::vector<uint32_t> columns;
  if (names.empty()) {
    columns.resize(table.columns.size());
    std::iota(columns.begin(), columns.end(), 0u);
    return columns;
  }
  for (const std::string& name : names) {
    const std::optional<uint32_t> index = table.FindColumn(name);
    if (!index) {
      return SqlErrorf(sqlstate::kUndefinedColumn,
                       "column \"{}\" of relation \"{}\" does not exist", name, table.name.table);
    }
    if (std::find(columns.begin(), columns.end(), *index) != columns.end()) {
      return SqlErrorf(sqlstate::kDuplicateColumn, "column \"{}\" specified more than once", name);
    }
    columns.push_back(*index);
  }
  return columns;
}

// Which of `columns` the option names.
Result<std::vector<bool>> Marked(const TableDef& table, const std::vector<uint32_t>& columns,
                                 const std::vector<std::string>& names, std::string_view option) {
  std::vector<bool> marked(columns.size(), false);
  if (names.empty()) return marked;
  VARVE_ASSIGN_OR_RETURN(const std::vector<uint32_t> indexes, FindColumns(table, names));
  for (const uint32_t index : indexes) {
    const auto at = std::find(columns.begin(), columns.end(), index);
    if (at == columns.end()) {
      return SqlErrorf("42P10", "{} column \"{}\" not referenced by COPY", option,
                       table.columns[index].name);
    }
    marked[static_cast<size_t>(at - columns.begin())] = true;
  }
  return marked;
}

}  // namespace

Result<std::unique_ptr<CopyDecoder>> CopyDecoder::Create(const CopySpec& spec,
                                                         const TableRef& table,
                                                         const DecodeSettings& settings) {
  VARVE_ASSIGN_OR_RETURN(std::vector<uint32_t> columns, FindColumns(*table, spec.columns));
  VARVE_ASSIGN_OR_RETURN(std::vector<bool> not_null,
                         Marked(*table, columns, spec.force_not_null, "FORCE_NOT_NULL"));
  VARVE_ASSIGN_OR_RETURN(std::vector<bool> null,
                         Marked(*table, columns, spec.force_null, "FORCE_NULL"));
  auto assembler = RowAssembler::Create(table, std::move(columns), settings, kCopyBatchBytes);
  if (IsNotDecodable(assembler.status())) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "COPY into \"{}\" must name every column whose default is not a constant",
                     table->name.table);
  }
  VARVE_RETURN_IF_ERROR(assembler.status());
  CopyRows rows(*std::move(assembler), settings);
  switch (spec.format) {
    case CopyFormat::kText:
      return NewCopyText(spec, std::move(rows));
    case CopyFormat::kCsv:
      return NewCopyCsv(spec, std::move(rows), std::move(not_null), std::move(null));
    case CopyFormat::kBinary:
      return NewCopyBinary(std::move(rows));
  }
  return Internal("COPY format {} is unknown", static_cast<int>(spec.format));
}

}  // namespace varve::ingest
