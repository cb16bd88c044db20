#include "server/core/result_streams.h"

namespace varve::server {

TextRowsStream::TextRowsStream(const std::vector<std::string>& names,
                               std::vector<std::vector<std::string>> rows, std::string tag)
    : rows_(std::move(rows)), tag_(std::move(tag)) {
  for (const std::string& name : names) columns_.push_back({name, Type(TypeKind::kText)});
}

Result<std::optional<engine::ResultChunk>> TextRowsStream::Fetch() {
  if (rows_.empty()) return std::optional<engine::ResultChunk>();
  engine::ResultChunk chunk;
  chunk.rows = static_cast<uint32_t>(rows_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    ColumnBuilder builder(columns_[i].type);
    for (const auto& row : rows_) builder.AppendBytes(row[i]);
    chunk.columns.push_back(builder.Finish());
  }
  rows_.clear();
  return std::optional<engine::ResultChunk>(std::move(chunk));
}

}  // namespace varve::server
