#include "engine/duck_checkpoint_codec.h"

namespace varve::engine {

namespace {

// from_json's description of one line of the Delta log.
constexpr std::string_view kActions = R"json({
  "txn": {"appId": "VARCHAR", "version": "BIGINT", "lastUpdated": "BIGINT"},
  "add": {"path": "VARCHAR", "partitionValues": "MAP(VARCHAR, VARCHAR)", "size": "BIGINT",
          "modificationTime": "BIGINT", "dataChange": "BOOLEAN",
          "tags": "MAP(VARCHAR, VARCHAR)", "stats": "VARCHAR"},
  "remove": {"path": "VARCHAR", "deletionTimestamp": "BIGINT", "dataChange": "BOOLEAN",
             "extendedFileMetadata": "BOOLEAN", "partitionValues": "MAP(VARCHAR, VARCHAR)",
             "size": "BIGINT"},
  "metaData": {"id": "VARCHAR", "name": "VARCHAR", "description": "VARCHAR",
               "format": {"provider": "VARCHAR", "options": "MAP(VARCHAR, VARCHAR)"},
               "schemaString": "VARCHAR", "partitionColumns": ["VARCHAR"],
               "configuration": "MAP(VARCHAR, VARCHAR)", "createdTime": "BIGINT"},
  "protocol": {"minReaderVersion": "INTEGER", "minWriterVersion": "INTEGER",
               "readerFeatures": ["VARCHAR"], "writerFeatures": ["VARCHAR"]},
  "domainMetadata": {"domain": "VARCHAR", "configuration": "VARCHAR", "removed": "BOOLEAN"}
})json";

TableRef LinesTable() {
  auto table = std::make_shared<TableDef>();
  ColumnDef line;
  line.id = ColumnId(1);
  line.name = "line";
  line.type = Type(TypeKind::kText);
  table->columns.push_back(std::move(line));
  return table;
}

BatchSource Lines(std::string_view text) {
  BatchSource lines;
  lines.table = LinesTable();
  ColumnBuilder builder{Type(TypeKind::kText)};
  const auto finish = [&] {
    if (builder.rows() == 0) return;
    auto batch = std::make_shared<Batch>();
    batch->rows = builder.rows();
    batch->ids.push_back(ColumnId(1));
    batch->columns.push_back(builder.Finish());
    const auto index = static_cast<uint32_t>(lines.batches.size());
    for (uint32_t row = 0; row < batch->rows; row++) lines.rows.push_back({index, row});
    lines.batches.push_back(std::move(batch));
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) builder.AppendBytes(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (builder.rows() == kBatchRowsMax) finish();
  }
  finish();
  return lines;
}

}  // namespace

Status DuckCheckpointCodec::WriteCheckpoint(const std::string& actions_ndjson,
                                            const std::string& parquet_path) {
  const auto lease = sources_.Add(Lines(actions_ndjson));
  const std::string sql = fmt::format(
      "COPY (SELECT unnest(from_json(line, {})) FROM {}) TO {} (FORMAT parquet, COMPRESSION "
      "zstd)",
      SqlLiteral(kActions), lease->from(), SqlLiteral(parquet_path));
  auto connection = database_.current()->Connect();
  return RunInternal(connection, sql).status();
}

Result<std::string> DuckCheckpointCodec::ReadCheckpoint(const std::string& parquet_path) {
  auto connection = database_.current()->Connect();
  auto read = RunInternal(
      connection,
      fmt::format("SELECT to_json(actions) FROM read_parquet({}, binary_as_string = true) actions",
                  SqlLiteral(parquet_path)));
  if (!read.ok()) {
    return DataLoss("checkpoint {} cannot be read: {}", parquet_path, MessageOf(read.status()));
  }
  std::string lines;
  for (auto chunk = (*read)->Fetch(); chunk && chunk->size() > 0; chunk = (*read)->Fetch()) {
    for (duckdb::idx_t i = 0; i < chunk->size(); i++) {
      lines += chunk->GetValue(0, i).ToString() + "\n";
    }
  }
  return lines;
}

}  // namespace varve::engine
