// Finds which values of a column a filter leaves, for scans that need not look at the others.
//
// Role:     DuckDB's optimizer, with the conditions on a scan -> [WholeNumbersOf, TextsOf] -> ring
//           scans; the executor, with pushed filters, also those of a running join -> the same.
//           What is found is wide enough: the condition itself is still evaluated.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <duckdb.hpp>
#include <duckdb/planner/operator/logical_get.hpp>
#include <duckdb/planner/table_filter.hpp>
#include <optional>
#include <string>
#include <vector>

namespace varve::engine {

// Values from `low` to `high`, both included; only those listed, if there is a list.
struct WholeNumbers {
  int64_t low = INT64_MIN;
  int64_t high = INT64_MAX;
  std::optional<std::vector<int64_t>> only;  // ascending, without duplicates

  bool is_everything() const { return low == INT64_MIN && high == INT64_MAX && !only; }
  void Intersect(const WholeNumbers& other);
  void Unite(const WholeNumbers& other);
};

using Conditions = duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>;

// What the conditions together leave of the BIGINT column of `get`. They may be put on the column,
// on a cast of it, and on to_timestamp() of it.
WholeNumbers WholeNumbersOf(duckdb::ClientContext& context, const duckdb::LogicalGet& get,
                            duckdb::column_t column, const Conditions& conditions);

// What a pushed filter of a BIGINT column leaves now.
WholeNumbers WholeNumbersOf(const duckdb::TableFilter& filter);

// The texts that the conditions leave of a VARCHAR column; nullopt when these cannot be listed.
std::optional<std::vector<std::string>> TextsOf(duckdb::ClientContext& context,
                                                const duckdb::LogicalGet& get,
                                                duckdb::column_t column,
                                                const Conditions& conditions);

}  // namespace varve::engine
