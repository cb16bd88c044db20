#include "engine/sorted_merge.h"

#include <algorithm>
#include <duckdb/common/vector_operations/vector_operations.hpp>
#include <duckdb/main/extension/extension_loader.hpp>

#include "engine/duck_guard.h"

namespace varve::engine {

using duckdb::DataChunk;
using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::string_t;

namespace {

struct MergeInfo : duckdb::TableFunctionInfo {
  explicit MergeInfo(SortedMerge& m) : merge(m) {}
  SortedMerge& merge;
};

struct MergeData : duckdb::TableFunctionData {
  explicit MergeData(SortedMerge& m) : merge(m) {}
  SortedMerge& merge;
  bool SupportStatementCache() const override { return false; }
};

duckdb::unique_ptr<duckdb::FunctionData> BindMerge(duckdb::ClientContext&,
                                                   duckdb::TableFunctionBindInput& input,
                                                   duckdb::vector<duckdb::LogicalType>& types,
                                                   duckdb::vector<std::string>& names) {
  auto& merge = static_cast<MergeInfo&>(*input.info).merge;
  types = merge.columns().types;
  names = merge.columns().names;
  return duckdb::make_uniq<MergeData>(merge);
}

void ScanMerge(duckdb::ClientContext&, duckdb::TableFunctionInput& input, DataChunk& out) {
  input.bind_data->Cast<MergeData>().merge.Next(out);
}

}  // namespace

struct SortedMerge::Open {
  explicit Open(duckdb::DuckDB& instance) : connection(instance) {}

  string_t key(idx_t i) const { return FlatVector::GetData<string_t>(chunk->data.back())[i]; }
  int64_t time(idx_t column, idx_t i) const {
    return FlatVector::GetData<duckdb::timestamp_t>(chunk->data[column])[i].value;
  }

  duckdb::Connection connection;
  duckdb::unique_ptr<duckdb::QueryResult> result;
  duckdb::unique_ptr<DataChunk> chunk;
  idx_t row = 0;
};

SortedMerge::SortedMerge(duckdb::DuckDB& instance, Columns columns,
                         std::vector<MergeStream> streams, std::function<bool()> stopped)
    : instance_(instance),
      columns_(std::move(columns)),
      waiting_(std::move(streams)),
      stopped_(std::move(stopped)) {
  std::sort(waiting_.begin(), waiting_.end(),
            [](const auto& a, const auto& b) { return a.newest_us < b.newest_us; });
}

SortedMerge::~SortedMerge() = default;

void SortedMerge::Register(const std::string& function_name) {
  duckdb::TableFunction function(function_name, {}, ScanMerge, BindMerge);
  function.function_info = duckdb::make_shared_ptr<MergeInfo>(*this);
  duckdb::ExtensionLoader loader(*instance_.instance, function_name);
  loader.RegisterFunction(std::move(function));
}

void SortedMerge::FailUnsorted(const std::string& why) {
  unsorted_ = true;
  ThrowStatus(FailedPrecondition("{}", why));
}

// Brings the stream's next chunk; false at its end.
bool SortedMerge::Fetch(Open& stream) {
  if (stopped_ && stopped_()) {
    ThrowStatus(SqlError(sqlstate::kQueryCanceled, "the rewriting of data files was stopped"));
  }
  stream.chunk = stream.result->Fetch();
  stream.row = 0;
  if (stream.result->HasError()) stream.result->ThrowError();
  return stream.chunk && stream.chunk->size() > 0;
}

void SortedMerge::OpenNext() {
  if (open_.size() >= kOpenMax) FailUnsorted("too many data files overlap in time");
  auto stream = std::make_unique<Open>(instance_);
  stream->result = stream->connection.SendQuery(waiting_.back().sql);
  waiting_.pop_back();
  if (stream->result->HasError()) stream->result->ThrowError();
  if (Fetch(*stream)) open_.push_back(std::move(stream));
}

size_t SortedMerge::First() const {
  size_t first = 0;
  for (size_t i = 1; i < open_.size(); i++) {
    if (open_[i]->key(open_[i]->row) < open_[first]->key(open_[first]->row)) first = i;
  }
  return first;
}

// Opens every stream that may hold the next row.
void SortedMerge::OpenDue() {
  while (!waiting_.empty()) {
    if (!open_.empty()) {
      const Open& first = *open_[First()];
      if (waiting_.back().newest_us < first.time(columns_.time, first.row)) return;
    }
    OpenNext();
  }
}

// How many rows of the first stream come before all other streams', open or not.
idx_t SortedMerge::RunLength(size_t first, idx_t room) const {
  const Open& stream = *open_[first];
  const idx_t end = std::min(stream.chunk->size(), stream.row + room);
  const string_t* other = nullptr;
  string_t smallest{};
  for (size_t i = 0; i < open_.size(); i++) {
    if (i == first) continue;
    const string_t key = open_[i]->key(open_[i]->row);
    if (other == nullptr || key < smallest) smallest = key;
    other = &smallest;
  }
  idx_t row = stream.row + 1;
  while (row < end) {
    if (other != nullptr && smallest < stream.key(row)) break;
    if (!waiting_.empty() && stream.time(columns_.time, row) <= waiting_.back().newest_us) break;
    row++;
  }
  return row - stream.row;
}

void SortedMerge::CheckOrder(const Open& stream, idx_t length) {
  const string_t before(last_key_.data(), static_cast<uint32_t>(last_key_.size()));
  for (idx_t row = stream.row; row < stream.row + length; row++) {
    const string_t previous = row == stream.row ? before : stream.key(row - 1);
    if (stream.key(row) < previous) FailUnsorted("a data file is not in the table's order");
  }
  last_key_ = stream.key(stream.row + length - 1).GetString();
}

void SortedMerge::Next(DataChunk& out) {
  idx_t count = 0;
  while (count < STANDARD_VECTOR_SIZE) {
    OpenDue();
    if (open_.empty()) break;
    const size_t first = First();
    Open& stream = *open_[first];
    const idx_t length = RunLength(first, STANDARD_VECTOR_SIZE - count);
    CheckOrder(stream, length);
    for (idx_t column = 0; column < columns_.types.size(); column++) {
      duckdb::VectorOperations::Copy(stream.chunk->data[column], out.data[column],
                                     stream.row + length, stream.row, count);
    }
    count += length;
    stream.row += length;
    if (stream.row >= stream.chunk->size() && !Fetch(stream)) {
      open_.erase(open_.begin() + static_cast<ptrdiff_t>(first));
    }
  }
  out.SetCardinality(count);
}

}  // namespace varve::engine
