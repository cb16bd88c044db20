// Merges sorted streams of rows into one, and reads a stream only when its rows are due.
//
// Role:     queries over data files -> [SortedMerge] -> a table function -> a COPY.
// Order:    ascending by the last column, a sort key made by create_sort_key; the time column
//           falls. A stream whose newest row is older than what is merged now is not opened: files
//           with disjoint times are read one after the other, whatever their number.
// Limits:   at most kOpenMax streams open at once.
// Errors:   Next throws: FailedPrecondition when a stream is not in order or too many overlap; a
//           stream's error; 57014 when stopped.
// Threads:  one thread at a time.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace varve::engine {

struct MergeStream {
  std::string sql;        // columns of the result, then the sort key
  int64_t newest_us = 0;  // no row is newer
};

class SortedMerge {
 public:
  static constexpr size_t kOpenMax = 24;

  struct Columns {
    duckdb::vector<std::string> names;
    duckdb::vector<duckdb::LogicalType> types;
    duckdb::idx_t time = 0;
  };

  // `instance` outlives the merge.
  SortedMerge(duckdb::DuckDB& instance, Columns columns, std::vector<MergeStream> streams,
              std::function<bool()> stopped);
  ~SortedMerge();

  // Registers a function of that name in the instance; this object outlives every query of it.
  void Register(const std::string& function_name);

  // The next rows; none: the end.
  void Next(duckdb::DataChunk& out);

  const Columns& columns() const { return columns_; }
  // True after Next has failed because the streams cannot be merged as they are.
  bool unsorted() const { return unsorted_; }

 private:
  struct Open;

  [[noreturn]] void FailUnsorted(const std::string& why);
  void OpenDue();
  void OpenNext();
  bool Fetch(Open& stream);
  size_t First() const;
  void CheckOrder(const Open& stream, duckdb::idx_t length);
  duckdb::idx_t RunLength(size_t first, duckdb::idx_t room) const;

  duckdb::DuckDB& instance_;
  const Columns columns_;
  std::vector<MergeStream> waiting_;  // newest last
  const std::function<bool()> stopped_;
  std::vector<std::unique_ptr<Open>> open_;
  std::string last_key_;
  bool unsorted_ = false;
};

}  // namespace varve::engine
