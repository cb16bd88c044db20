// Keeps the place in a query's result between FETCH statements.
//
// Role:     DECLARE -> [Cursor] -> FETCH and MOVE, forward only.
// Threads:  single owner; fetching may block as the query does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/session.h"

namespace varve::server {

class Cursor {
 public:
  explicit Cursor(std::unique_ptr<engine::ResultStream> stream);

  const std::vector<engine::ResultColumn>& columns() const { return stream_->columns(); }
  // The next rows, at most `rows_max` of them; nullopt at the end.
  Result<std::optional<engine::ResultChunk>> Fetch(int64_t rows_max);

 private:
  std::unique_ptr<engine::ResultStream> stream_;
  engine::ResultChunk chunk_;  // the rows from next_row_ on are still to be fetched
  uint32_t next_row_ = 0;
  bool ended_ = false;
};

// The result of one FETCH: rows of a cursor.
class FetchStream : public engine::ResultStream {
 public:
  FetchStream(std::shared_ptr<Cursor> cursor, int64_t rows_max)
      : cursor_(std::move(cursor)), left_(rows_max) {}

  const std::vector<engine::ResultColumn>& columns() const override { return cursor_->columns(); }
  Result<std::optional<engine::ResultChunk>> Fetch() override;
  std::string command_tag() const override { return "FETCH " + std::to_string(rows_); }

 private:
  std::shared_ptr<Cursor> cursor_;
  int64_t left_;
  uint64_t rows_ = 0;
};

// Rows [begin, end) of a chunk.
engine::ResultChunk SliceOf(const engine::ResultChunk& chunk, uint32_t begin, uint32_t end);

}  // namespace varve::server
