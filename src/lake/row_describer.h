// Gathers the statistics of a data file from its rows, part by part.
//
// Role:     rows on their way into a file -> [RowDescriber] -> DataFile (rows, stats, time_range).
// Limits:   keeps two values of each column, however many rows there are. What has no minimum and
//           maximum: file_stats.h.
// Threads:  not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lake/parquet_writer.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::lake {

inline constexpr size_t kTextPrefixChars = 32;

class ColumnDescriber;

class RowDescriber {
 public:
  explicit RowDescriber(TableRef table);
  ~RowDescriber();
  RowDescriber(const RowDescriber&) = delete;
  RowDescriber& operator=(const RowDescriber&) = delete;

  void Add(const BatchSlice& slice);
  // Of everything added so far; path, bytes and partition values are the caller's to fill in.
  DataFile Finish() const;

 private:
  struct Described {
    uint32_t index;
    std::unique_ptr<ColumnDescriber> describer;
  };

  const TableRef table_;
  std::vector<Described> columns_;
  int64_t rows_ = 0;
  TimeRange time_range_;
};

// The smallest text of at most kTextPrefixChars characters that is not below any text that starts
// like `text`; nullopt when there is none.
std::optional<std::string> UpperBoundOfText(std::string_view text);

}  // namespace varve::lake
