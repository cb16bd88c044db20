#include "server/core/cursor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace varve::server {

engine::ResultChunk SliceOf(const engine::ResultChunk& chunk, uint32_t begin, uint32_t end) {
  VARVE_CHECK(begin <= end && end <= chunk.rows);
  engine::ResultChunk slice;
  slice.rows = end - begin;
  for (const Column& column : chunk.columns) {
    ColumnBuilder builder(column.type);
    builder.AppendRange(column, begin, end);
    slice.columns.push_back(builder.Finish());
  }
  return slice;
}

Cursor::Cursor(std::unique_ptr<engine::ResultStream> stream) : stream_(std::move(stream)) {
  VARVE_CHECK(stream_ != nullptr);
}

Result<std::optional<engine::ResultChunk>> Cursor::Fetch(int64_t rows_max) {
  if (rows_max <= 0) return std::optional<engine::ResultChunk>();
  while (next_row_ == chunk_.rows) {
    if (ended_) return std::optional<engine::ResultChunk>();
    auto next = stream_->Fetch();
    ended_ = !next.ok() || !next->has_value();
    if (!next.ok()) return std::move(next).status();
    if (ended_) continue;
    chunk_ = std::move(**next);
    next_row_ = 0;
  }
  const uint32_t begin = next_row_;
  const auto count = static_cast<uint32_t>(std::min<int64_t>(rows_max, chunk_.rows - begin));
  next_row_ = begin + count;
  if (count == chunk_.rows) {
    next_row_ = 0;
    return std::optional<engine::ResultChunk>(std::exchange(chunk_, {}));
  }
  return std::optional<engine::ResultChunk>(SliceOf(chunk_, begin, begin + count));
}

Result<std::optional<engine::ResultChunk>> FetchStream::Fetch() {
  auto chunk = cursor_->Fetch(left_);
  if (chunk.ok() && chunk->has_value()) {
    rows_ += (*chunk)->rows;
    left_ -= (*chunk)->rows;
  }
  return chunk;
}

}  // namespace varve::server
