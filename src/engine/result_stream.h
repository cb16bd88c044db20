// The running result of one DuckDB statement, and results that are complete from the start.
//
// Role:     Session::Execute -> [DuckResultStream, FixedResult] -> server, chunk by chunk.
// Limits:   holds one chunk at a time; Detach keeps the rest in DuckDB's buffer manager, which
//           spills to disk past its memory limit.
// Threads:  the session's thread.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/types/column/column_data_collection.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/session.h"

namespace varve::engine {

std::vector<ResultColumn> ResultColumnsOf(const duckdb::vector<std::string>& names,
                                          const duckdb::vector<duckdb::LogicalType>& types);

// Copies the rows of `chunk` into columns of the types in `columns`.
ResultChunk ReadChunk(duckdb::ClientContext& context, duckdb::DataChunk& chunk,
                      const std::vector<ResultColumn>& columns);

// Rows that are there already, or none: commands, SHOW, EXPLAIN.
class FixedResult : public ResultStream {
 public:
  explicit FixedResult(std::string tag) : tag_(std::move(tag)) {}
  FixedResult(std::string tag, std::vector<ResultColumn> columns, std::vector<ResultChunk> chunks)
      : tag_(std::move(tag)), columns_(std::move(columns)), chunks_(std::move(chunks)) {}

  const std::vector<ResultColumn>& columns() const override { return columns_; }
  Result<std::optional<ResultChunk>> Fetch() override {
    if (next_ == chunks_.size()) return std::nullopt;
    return std::move(chunks_[next_++]);
  }
  std::string command_tag() const override { return tag_; }

 private:
  std::string tag_;
  std::vector<ResultColumn> columns_;
  std::vector<ResultChunk> chunks_;
  size_t next_ = 0;
};

// One text column `name` with one row per line.
std::unique_ptr<ResultStream> TextResult(std::string tag, std::string name,
                                         const std::vector<std::string>& lines);

class DuckResultStream;

// What a stream tells its session.
class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  // Brackets work on the stream: between them, the statement's timeout runs.
  virtual void OnFetch() = 0;
  virtual void OnFetched() = 0;
  // The stream's error in the client's terms; fails the transaction.
  virtual Status OnStreamError(const duckdb::ErrorData& error) = 0;
  // The stream reads from DuckDB no more.
  virtual void OnStreamClosed(DuckResultStream* stream) = 0;
};

class DuckResultStream : public ResultStream {
 public:
  // `verb`: "SELECT" or "INSERT 0", put before the number of rows in the tag.
  DuckResultStream(StreamOwner* owner, duckdb::shared_ptr<duckdb::ClientContext> context,
                   duckdb::unique_ptr<duckdb::QueryResult> result, std::string verb);
  ~DuckResultStream() override;

  const std::vector<ResultColumn>& columns() const override { return columns_; }
  Result<std::optional<ResultChunk>> Fetch() override;
  std::string command_tag() const override;

  // Reads the rest of the rows from DuckDB, because its connection is needed for something else. An
  // error is kept for the next Fetch.
  void Detach();
  // The owner goes away before the stream.
  void Orphan() { owner_ = nullptr; }

 private:
  Result<duckdb::unique_ptr<duckdb::DataChunk>> Next();
  void Close();

  StreamOwner* owner_;
  duckdb::shared_ptr<duckdb::ClientContext> context_;
  duckdb::unique_ptr<duckdb::QueryResult> result_;
  std::vector<ResultColumn> columns_;
  std::string verb_;
  uint64_t rows_ = 0;

  // After Detach.
  duckdb::unique_ptr<duckdb::ColumnDataCollection> rest_;
  duckdb::ColumnDataScanState rest_scan_;
  Status rest_error_;
};

}  // namespace varve::engine
