#include "engine/reader_filters.h"

#include <algorithm>
#include <duckdb/planner/filter/conjunction_filter.hpp>
#include <duckdb/planner/filter/constant_filter.hpp>
#include <duckdb/planner/filter/optional_filter.hpp>

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::MultiFileColumnDefinition;
using duckdb::unique_ptr;

namespace {

bool HasBloom(const duckdb::TableFilter& filter) {
  switch (filter.filter_type) {
    case duckdb::TableFilterType::BLOOM_FILTER:
      return true;
    case duckdb::TableFilterType::OPTIONAL_FILTER: {
      const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
      return child && HasBloom(*child);
    }
    case duckdb::TableFilterType::CONJUNCTION_AND: {
      const auto& children = filter.Cast<duckdb::ConjunctionAndFilter>().child_filters;
      return std::any_of(children.begin(), children.end(),
                         [](const auto& child) { return HasBloom(*child); });
    }
    default:
      return false;
  }
}

// The filter without the parts that a join's bloom filter is in; nullptr when nothing is left. The
// join itself checks every row again.
unique_ptr<duckdb::TableFilter> WithoutBloom(const duckdb::TableFilter& filter) {
  if (!HasBloom(filter)) return filter.Copy();
  if (filter.filter_type != duckdb::TableFilterType::CONJUNCTION_AND) return nullptr;
  auto rest = duckdb::make_uniq<duckdb::ConjunctionAndFilter>();
  for (const auto& child : filter.Cast<duckdb::ConjunctionAndFilter>().child_filters) {
    if (auto kept = WithoutBloom(*child)) rest->child_filters.push_back(std::move(kept));
  }
  return rest;
}

bool IsZero(const duckdb::TableFilter& filter) {
  if (filter.filter_type != duckdb::TableFilterType::CONSTANT_COMPARISON) return false;
  const auto& constant = filter.Cast<duckdb::ConstantFilter>();
  if (constant.comparison_type != duckdb::ExpressionType::COMPARE_EQUAL) return false;
  if (constant.constant.IsNull()) return false;
  const auto type = constant.constant.type().id();
  if (type == duckdb::LogicalTypeId::FLOAT) return constant.constant.GetValue<float>() == 0;
  return type == duckdb::LogicalTypeId::DOUBLE && constant.constant.GetValue<double>() == 0;
}

// 0 and -0 are equal, and the bloom filter of a file knows only the one that it was made with: a
// range finds both. nullptr: the filter is good as it is.
unique_ptr<duckdb::TableFilter> WithZeroAsRange(const duckdb::TableFilter& filter) {
  if (IsZero(filter)) {
    const auto& zero = filter.Cast<duckdb::ConstantFilter>().constant;
    auto range = duckdb::make_uniq<duckdb::ConjunctionAndFilter>();
    for (const auto comparison : {duckdb::ExpressionType::COMPARE_GREATERTHANOREQUALTO,
                                  duckdb::ExpressionType::COMPARE_LESSTHANOREQUALTO}) {
      range->child_filters.push_back(duckdb::make_uniq<duckdb::ConstantFilter>(comparison, zero));
    }
    return range;
  }
  if (filter.filter_type != duckdb::TableFilterType::CONJUNCTION_AND &&
      filter.filter_type != duckdb::TableFilterType::CONJUNCTION_OR) {
    return nullptr;
  }
  auto copy = filter.Copy();
  bool changed = false;
  for (auto& child : static_cast<duckdb::ConjunctionFilter&>(*copy).child_filters) {
    auto range = WithZeroAsRange(*child);
    if (!range) continue;
    child = std::move(range);
    changed = true;
  }
  return changed ? std::move(copy) : nullptr;
}

}  // namespace

unique_ptr<duckdb::TableFilterSet> FiltersForFile(
    const duckdb::vector<MultiFileColumnDefinition>& columns,
    const duckdb::vector<duckdb::ColumnIndex>& column_ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters) {
  if (!filters) return nullptr;
  auto rest = duckdb::make_uniq<duckdb::TableFilterSet>();
  bool changed = false;
  for (const auto& [place, filter] : filters->filters) {
    const auto id = column_ids[place].GetPrimaryIndex();
    const bool is_uuid = id < columns.size() && columns[id].type == LogicalType::UUID;
    auto other = is_uuid ? nullptr : WithZeroAsRange(*filter);
    if (is_uuid && HasBloom(*filter)) {
      changed = true;
      if (auto kept = WithoutBloom(*filter)) rest->filters.emplace(place, std::move(kept));
      continue;
    }
    changed = changed || other;
    rest->filters.emplace(place, other ? std::move(other) : filter->Copy());
  }
  return changed ? std::move(rest) : nullptr;
}

}  // namespace varve::engine
