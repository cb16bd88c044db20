#include "ingest/copy_rows.h"

#include "base/error_context.h"
#include "ingest/value_binary.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

constexpr size_t kShownBytes = 100;  // of a value in an error's context, as PostgreSQL does

Status InContext(Status status, std::string_view context) {
  // INSERT would hand such a value to the engine; COPY has nobody to hand it to.
  if (IsNotDecodable(status)) {
    status = SqlErrorf(sqlstate::kFeatureNotSupported, "COPY cannot read {}", MessageOf(status));
  }
  return WithContext(std::move(status), context);
}

}  // namespace

CopyRows::CopyRows(std::unique_ptr<RowAssembler> rows, const DecodeSettings& settings)
    : rows_(std::move(rows)), settings_(settings) {
  const TableDef& table = *rows_->table();
  for (size_t i = 0; i < rows_->cells(); ++i) {
    const uint32_t column = rows_->column(i);
    const bool is_derived = table.derived_date && *table.derived_date == column;
    refuses_null_.push_back(!table.columns[column].nullable && !is_derived);
  }
}

std::string_view CopyRows::column_name(size_t i) const {
  return rows_->table()->columns[rows_->column(i)].name;
}

Status CopyRows::AtLine(Status status, uint64_t line) const {
  return InContext(std::move(status),
                   fmt::format("COPY {}, line {}", rows_->table()->name.table, line));
}

Status CopyRows::AtField(Status status, size_t i, std::string_view text, uint64_t line) const {
  size_t shown = std::min(text.size(), kShownBytes);
  while (shown < text.size() && shown > 0 && (static_cast<uint8_t>(text[shown]) & 0xC0) == 0x80) {
    --shown;
  }
  return InContext(
      std::move(status),
      fmt::format("COPY {}, line {}, column {}: \"{}{}\"", rows_->table()->name.table, line,
                  column_name(i), text.substr(0, shown), shown < text.size() ? "..." : ""));
}

Status CopyRows::BadFormat(std::string_view what, uint64_t line) const {
  return AtLine(SqlErrorf(sqlstate::kBadCopyFileFormat, "{}", what), line);
}

Status CopyRows::AppendText(size_t i, std::string_view text, uint64_t line) {
  if (i >= columns()) return BadFormat("extra data after last expected column", line);
  Status status = ingest::AppendText(text, settings_, rows_->cell(i));
  if (status.ok()) [[likely]]
    return status;
  return AtField(std::move(status), i, text, line);
}

Status CopyRows::AppendBinary(size_t i, std::string_view bytes, uint64_t line) {
  Status status = ingest::AppendBinary(bytes, rows_->cell(i));
  if (status.ok()) [[likely]]
    return status;
  return InContext(
      std::move(status),
      fmt::format("COPY {}, line {}, column {}", rows_->table()->name.table, line, column_name(i)));
}

Status CopyRows::AppendNull(size_t i, uint64_t line) {
  if (i >= columns()) return BadFormat("extra data after last expected column", line);
  if (refuses_null_[i]) {
    return AtLine(SqlErrorf(sqlstate::kNotNullViolation,
                            "null value in column \"{}\" of relation \"{}\" violates not-null "
                            "constraint",
                            column_name(i), rows_->table()->name.table),
                  line);
  }
  rows_->cell(i).AppendNull();
  return OkStatus();
}

Status CopyRows::EndRow(size_t fields, uint64_t line) {
  if (fields < columns()) {
    return BadFormat(fmt::format("missing data for column \"{}\"", column_name(fields)), line);
  }
  Status status = rows_->EndRow();
  return status.ok() ? status : AtLine(std::move(status), line);
}

Status CopyRows::Flush(uint64_t line) {
  Status status = rows_->Flush();
  return status.ok() ? status : AtLine(std::move(status), line);
}

}  // namespace varve::ingest
