#include "engine/read_only.h"

#include <duckdb/parser/expression/function_expression.hpp>

#include "engine/duck_guard.h"
#include "engine/session_state.h"
#include "engine/statement.h"
#include "engine/statement_walk.h"

namespace varve::engine {

Status ReadOnlyRefusal(std::string_view what) {
  return SqlErrorf(sqlstate::kReadOnlyTransaction, "cannot execute {} in a read-only session",
                   what);
}

namespace {

// What a SELECT can hold that does more: a statement in WITH, the next number of a sequence.
class Changes : public StatementWalk {
 public:
  Status status() const { return status_; }

 protected:
  void OnStatement(duckdb::SQLStatement& statement) override {
    if (statement.type == duckdb::StatementType::SELECT_STATEMENT) return;
    if (statement.type == duckdb::StatementType::EXPLAIN_STATEMENT) return;
    Note(VerbOf(statement));
  }
  void OnUnknown(std::string_view what) override { Note(what); }
  void OnExpression(duckdb::unique_ptr<duckdb::ParsedExpression>& expression) override {
    if (expression->GetExpressionClass() != duckdb::ExpressionClass::FUNCTION) return;
    const auto& name = expression->Cast<duckdb::FunctionExpression>().function_name;
    if (duckdb::StringUtil::CIEquals(name, "nextval")) Note("nextval()");
  }

 private:
  void Note(std::string_view what) {
    if (status_.ok()) status_ = ReadOnlyRefusal(what);
  }

  Status status_;
};

}  // namespace

Status CheckOnlyReads(const duckdb::SQLStatement& statement) {
  Changes changes;
  // The walk hands out parts that may be changed; this one only reads them.
  changes.Walk(const_cast<duckdb::SQLStatement&>(statement));
  return changes.status();
}

void RefuseToAct(duckdb::ClientContext& context, const std::string& function) {
  const auto session = SessionState::Of(context);
  if (session && session->ring_scope) ThrowStatus(ReadOnlyRefusal(function + "()"));
}

}  // namespace varve::engine
