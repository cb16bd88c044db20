#include "engine/result_stream.h"

#include <duckdb/main/client_context.hpp>
#include <duckdb/storage/buffer_manager.hpp>

#include "engine/column_reader.h"
#include "engine/duck_guard.h"
#include "engine/task_drive.h"
#include "engine/type_mapping.h"

namespace varve::engine {

std::vector<ResultColumn> ResultColumnsOf(const duckdb::vector<std::string>& names,
                                          const duckdb::vector<duckdb::LogicalType>& types) {
  std::vector<ResultColumn> columns;
  columns.reserve(names.size());
  for (size_t i = 0; i < names.size(); i++) columns.push_back({names[i], FromDuck(types[i])});
  return columns;
}

ResultChunk ReadChunk(duckdb::ClientContext& context, duckdb::DataChunk& chunk,
                      const std::vector<ResultColumn>& columns) {
  ResultChunk out;
  out.rows = static_cast<uint32_t>(chunk.size());
  for (size_t i = 0; i < columns.size(); i++) {
    out.columns.push_back(ReadAnyVector(context, chunk.data[i], out.rows, columns[i].type));
  }
  return out;
}

std::unique_ptr<ResultStream> TextResult(std::string tag, std::string name,
                                         const std::vector<std::string>& lines) {
  ColumnBuilder builder{Type(TypeKind::kText)};
  for (const auto& line : lines) builder.AppendBytes(line);
  ResultChunk chunk;
  chunk.rows = static_cast<uint32_t>(lines.size());
  chunk.columns.push_back(builder.Finish());
  std::vector<ResultChunk> chunks;
  if (chunk.rows > 0) chunks.push_back(std::move(chunk));
  std::vector<ResultColumn> columns;
  columns.push_back({std::move(name), Type(TypeKind::kText)});
  return std::make_unique<FixedResult>(std::move(tag), std::move(columns), std::move(chunks));
}

DuckResultStream::DuckResultStream(StreamOwner* owner,
                                   duckdb::shared_ptr<duckdb::ClientContext> context,
                                   duckdb::unique_ptr<duckdb::QueryResult> result, std::string verb)
    : owner_(owner),
      context_(std::move(context)),
      result_(std::move(result)),
      columns_(ResultColumnsOf(result_->names, result_->types)),
      verb_(std::move(verb)) {}

DuckResultStream::~DuckResultStream() { Close(); }

std::string DuckResultStream::command_tag() const { return fmt::format("{} {}", verb_, rows_); }

Result<std::optional<ResultChunk>> DuckResultStream::Fetch() {
  using Outcome = Result<std::optional<ResultChunk>>;
  VARVE_ASSIGN_OR_RETURN(auto chunk, Next());
  if (!chunk) return std::nullopt;
  auto read = GuardDuck([&]() -> Outcome { return ReadChunk(*context_, *chunk, columns_); });
  if (read.ok()) rows_ += (*read)->rows;
  return read;
}

Result<duckdb::unique_ptr<duckdb::DataChunk>> DuckResultStream::Next() {
  using Outcome = Result<duckdb::unique_ptr<duckdb::DataChunk>>;
  return GuardDuck([&]() -> Outcome {
    if (rest_) {
      auto chunk = duckdb::make_uniq<duckdb::DataChunk>();
      rest_->InitializeScanChunk(*chunk);
      if (rest_->Scan(rest_scan_, *chunk) && chunk->size() > 0) return chunk;
      rest_.reset();
      return rest_error_.ok() ? Outcome(nullptr) : Outcome(std::exchange(rest_error_, OkStatus()));
    }
    if (!result_) return nullptr;
    if (owner_ != nullptr) owner_->OnFetch();
    auto chunk = FetchChunk(*result_);
    if (owner_ != nullptr) owner_->OnFetched();
    if (chunk && chunk->size() > 0) return chunk;
    Status status;
    if (result_->HasError()) {
      status = owner_ != nullptr ? owner_->OnStreamError(result_->GetErrorObject())
                                 : StatusFromDuck(result_->GetErrorObject());
    }
    Close();
    return status.ok() ? Outcome(nullptr) : Outcome(status);
  });
}

void DuckResultStream::Detach() {
  if (!result_) return;
  const auto types = result_->types;
  auto rest = duckdb::make_uniq<duckdb::ColumnDataCollection>(
      duckdb::BufferManager::GetBufferManager(*context_), types);
  Status status;
  while (status.ok()) {
    auto chunk = Next();
    if (!chunk.ok()) {
      status = chunk.status();
    } else if (!*chunk) {
      break;
    } else {
      status = GuardDuck([&] { rest->Append(**chunk); });
    }
  }
  Close();
  rest_ = std::move(rest);
  rest_->InitializeScan(rest_scan_);
  rest_error_ = std::move(status);
}

void DuckResultStream::Close() {
  if (!result_) return;
  result_.reset();
  if (owner_ != nullptr) owner_->OnStreamClosed(this);
}

}  // namespace varve::engine
