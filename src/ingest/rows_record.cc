#include "ingest/rows_record.h"

#include <utility>

#include "model/batch_codec.h"

namespace varve::ingest {
namespace {

Status Mismatch(const TableDef& table, const log::Record& record, std::string_view what) {
  return DataLoss("log record {} does not fit table {}: {}", record.lsn.value,
                  table.name.ToString(), what);
}

}  // namespace

Status AppendRowRecords(const TableRows& rows, size_t payload_bytes_max,
                        std::vector<log::RecordInput>& records) {
  const TableDef& table = *rows.table;
  const auto append = [&](const Batch& batch) {
    records.push_back({log::RecordType::kRows, table.id, table.schema_version, EncodeBatch(batch)});
  };
  if (rows.rows->rows <= kBatchRowsMax && EncodedBytes(*rows.rows) <= payload_bytes_max) {
    append(*rows.rows);
    return OkStatus();
  }
  const Result<std::vector<Batch>> pieces = SplitBatch(*rows.rows, payload_bytes_max);
  if (!pieces.ok()) return Annotate(pieces.status(), "table " + table.name.ToString());
  for (const Batch& piece : *pieces) append(piece);
  return OkStatus();
}

Result<BatchRef> ReadRowRecord(const TableDef& table, const log::Record& record) {
  Result<Batch> decoded = DecodeBatch(record.payload);
  if (!decoded.ok()) {
    return Annotate(decoded.status(), fmt::format("log record {}", record.lsn.value));
  }
  auto batch = std::make_shared<Batch>();
  batch->rows = decoded->rows;
  for (size_t i = 0; i < decoded->ids.size(); ++i) {
    const std::optional<uint32_t> column = table.FindColumn(decoded->ids[i]);
    if (!column) continue;  // dropped since
    if (!(table.columns[*column].type == decoded->columns[i].type)) {
      return Mismatch(table, record,
                      fmt::format("column \"{}\" is {} there", table.columns[*column].name,
                                  decoded->columns[i].type.ToString()));
    }
    batch->ids.push_back(decoded->ids[i]);
    batch->columns.push_back(std::move(decoded->columns[i]));
  }
  const Column* time = batch->Find(table.columns[table.time_column].id);
  if (batch->rows > 0 && (time == nullptr || time->HasNulls())) {
    return Mismatch(table, record, "rows without a time");
  }
  return BatchRef(std::move(batch));
}

}  // namespace varve::ingest
