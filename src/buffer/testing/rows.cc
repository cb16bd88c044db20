#include "buffer/testing/rows.h"

#include <algorithm>
#include <memory>

namespace varve::buffer::testing {

TableRef MakeTable(TableId id, std::string name) {
  auto table = std::make_shared<TableDef>();
  table->id = id;
  table->name = {"public", std::move(name)};
  table->location = "tables/" + std::to_string(id.value);
  table->columns = {
      {kTimestampId, "timestamp", Type(TypeKind::kTimestampTz), false, false, ""},
      {kProjectId, "project_id", Type(TypeKind::kText), true, false, ""},
      {kWriterId, "writer", Type(TypeKind::kInt64), true, false, ""},
      {kSequenceId, "sequence", Type(TypeKind::kInt64), true, false, ""},
      {kBodyId, "body", Type(TypeKind::kText), true, false, ""},
  };
  table->time_column = 0;
  table->partition_columns = {1};
  table->sort_order = {{0, true}};
  return table;
}

BatchRef MakeRows(const RowsSpec& spec) {
  constexpr int64_t kFirstTimeUs = 1'700'000'000'000'000;
  ColumnBuilder timestamp{Type(TypeKind::kTimestampTz)};
  ColumnBuilder project{Type(TypeKind::kText)};
  ColumnBuilder writer{Type(TypeKind::kInt64)};
  ColumnBuilder sequence{Type(TypeKind::kInt64)};
  ColumnBuilder body{Type(TypeKind::kText)};
  const std::string text(spec.body_bytes, 'x');
  for (uint32_t row = 0; row < spec.rows; ++row) {
    const int64_t number = spec.first + row;
    timestamp.AppendFixed<int64_t>(kFirstTimeUs + number * 1000);
    if (spec.project == "%") {
      project.AppendBytes("p" + std::to_string(number % 3));
    } else {
      project.AppendBytes(spec.project);
    }
    writer.AppendFixed<int64_t>(spec.writer);
    sequence.AppendFixed<int64_t>(number);
    if (number % 3 == 0) {
      body.AppendNull();
    } else {
      body.AppendBytes(text);
    }
  }
  auto batch = std::make_shared<Batch>();
  batch->rows = spec.rows;
  batch->ids = {kTimestampId, kProjectId, kWriterId, kSequenceId};
  batch->columns.push_back(timestamp.Finish());
  batch->columns.push_back(project.Finish());
  batch->columns.push_back(writer.Finish());
  batch->columns.push_back(sequence.Finish());
  if (spec.body_bytes > 0) {
    batch->ids.push_back(kBodyId);
    batch->columns.push_back(body.Finish());
  }
  return batch;
}

void Count(const Batch& rows, Tallies& tallies) {
  const Column& writer = *rows.Find(kWriterId);
  const Column& sequence = *rows.Find(kSequenceId);
  for (uint32_t row = 0; row < rows.rows; ++row) {
    Tally& tally = tallies[writer.Fixed<int64_t>(row)];
    const auto number = sequence.Fixed<int64_t>(row);
    ++tally.count;
    tally.max = std::max(tally.max, number);
    tally.sum += number;
  }
}

void Add(const Tallies& more, Tallies& tallies) {
  for (const auto& [writer, tally] : more) {
    Tally& total = tallies[writer];
    total.count += tally.count;
    total.max = std::max(total.max, tally.max);
    total.sum += tally.sum;
  }
}

Tallies CountSegments(const std::vector<SegmentRef>& segments) {
  Tallies tallies;
  for (const SegmentRef& segment : segments) Count(*segment->rows, tallies);
  return tallies;
}

Tally FirstRows(int64_t k) { return {k, k, k * (k + 1) / 2}; }

}  // namespace varve::buffer::testing
