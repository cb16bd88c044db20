#include "engine/task_drive.h"

#include <algorithm>
#include <duckdb/main/materialized_query_result.hpp>
#include <duckdb/main/stream_query_result.hpp>
#include <thread>

namespace varve::engine {

namespace {

// Nothing tells when a worker's task ends, so the wait is a short sleep: for most queries none, and
// never so long that a client would see it.
class TaskWait {
 public:
  void Wait() {
    if (++tries_ <= kYields) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(sleep_);
    sleep_ = std::min(sleep_ * 2, kLongest);
  }
  void Reset() { *this = TaskWait(); }

 private:
  static constexpr int kYields = 16;
  static constexpr std::chrono::microseconds kLongest{500};
  int tries_ = 0;
  std::chrono::microseconds sleep_{20};
};

}  // namespace

duckdb::unique_ptr<duckdb::QueryResult> ExecutePending(duckdb::PendingQueryResult& pending) {
  using duckdb::PendingExecutionResult;
  TaskWait wait;
  for (;;) {
    const auto step = pending.ExecuteTask();
    if (duckdb::PendingQueryResult::IsResultReady(step)) break;
    if (step == PendingExecutionResult::NO_TASKS_AVAILABLE) {
      wait.Wait();
    } else if (step == PendingExecutionResult::BLOCKED) {
      pending.WaitForTask();
    } else {
      wait.Reset();
    }
  }
  // A pending query that has failed is closed, and would only say that.
  if (pending.HasError()) {
    return duckdb::make_uniq<duckdb::MaterializedQueryResult>(pending.GetErrorObject());
  }
  return pending.Execute();
}

duckdb::unique_ptr<duckdb::DataChunk> FetchChunk(duckdb::QueryResult& result) {
  if (result.type == duckdb::QueryResultType::STREAM_RESULT && !result.HasError()) {
    using duckdb::StreamExecutionResult;
    auto& stream = result.Cast<duckdb::StreamQueryResult>();
    TaskWait wait;
    while (stream.IsOpen()) {
      const auto step = stream.ExecuteTask();
      if (duckdb::StreamQueryResult::IsChunkReady(step)) break;
      if (step == StreamExecutionResult::NO_TASKS_AVAILABLE) {
        wait.Wait();
      } else if (step == StreamExecutionResult::BLOCKED) {
        stream.WaitForTask();
      } else {
        wait.Reset();
      }
    }
  }
  return result.FetchRaw();
}

}  // namespace varve::engine
