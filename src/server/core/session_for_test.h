// Stands in for the engine in unit tests of the server: answers a few statements, keeps written
// rows.
//
// Layout:   SELECT <n>: one row, column "n" integer. ROWS <n>: n rows 0..n-1 in chunks of 1,000.
//           FAIL: 22012. SLEEP: blocks until Cancel. BEGIN, COMMIT, ROLLBACK, SET-less everything
//           else: 42601. Statements are split at every semicolon.
// Threads:  as engine::Session.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/session.h"

namespace varve::server {

class SessionForTest : public engine::Session {
 public:
  Result<std::vector<std::shared_ptr<engine::Statement>>> Parse(std::string_view sql) override;
  Result<engine::Description> Describe(const std::shared_ptr<engine::Statement>& statement,
                                       const std::vector<Type>& parameter_types) override;
  Result<std::unique_ptr<engine::ResultStream>> Execute(
      const std::shared_ptr<engine::Statement>& statement, const std::vector<Type>& parameter_types,
      const std::vector<engine::ParameterText>& parameters) override;
  void WriteRows(TableRows rows, std::function<void(Status)> done) override;
  Status BeginImplicit() override;
  void CommitImplicit(std::function<void(Status)> done) override;
  void RollbackImplicit() override;
  void ForgetPrepared() override { events.emplace_back("forget prepared"); }
  void Discard() override { events.emplace_back("discard"); }
  engine::TransactionMark Mark() const override { return {rows_waiting, 0, 0, 0}; }
  Status RollbackToMark(const engine::TransactionMark& mark) override;
  void NoteFailure() override;
  engine::TransactionState transaction_state() const override { return state; }
  TableRef FindTable(const std::optional<std::string>& schema,
                     std::string_view name) const override;
  Status SetOption(std::string_view name, std::string_view value) override;
  Result<std::string> GetOption(std::string_view name) const override;
  void NoteSetting(std::string_view, std::string_view) override {}
  Status SetRingScope(std::optional<engine::RingScope>) override { return OkStatus(); }
  void Cancel() override;

  // What tests look at, and set.
  std::atomic<int> cancels{0};
  engine::TransactionState state = engine::TransactionState::kIdle;
  bool implicit = false;
  std::vector<std::string> events;  // statements and transaction calls, in order
  uint64_t rows_waiting = 0;        // in a transaction
  uint64_t rows_written = 0;
  TableRef table;
  Status write_error;

 private:
  Mutex mu_;
  CondVar cancelled_;
  bool stop_ VARVE_GUARDED_BY(mu_) = false;
};

// A table t (timestamp timestamptz not null, name text, n integer).
TableRef TableForTest();

}  // namespace varve::server
