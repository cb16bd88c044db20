#include "server/core/session_for_test.h"

#include <charconv>
#include <utility>

namespace varve::server {
namespace {

class StatementForTest : public engine::Statement {
 public:
  explicit StatementForTest(std::string text) : text_(std::move(text)) {}
  std::string_view verb() const override {
    return std::string_view(text_).substr(0, text_.find(' '));
  }
  std::string_view text() const override { return text_; }

 private:
  std::string text_;
};

class RowsForTest : public engine::ResultStream {
 public:
  RowsForTest(int64_t first, int64_t count) : next_(first), end_(first + count), count_(count) {
    if (count >= 0) columns_.push_back({"n", Type(TypeKind::kInt32)});
  }
  explicit RowsForTest(std::string tag) : RowsForTest(0, -1) { tag_ = std::move(tag); }

  const std::vector<engine::ResultColumn>& columns() const override { return columns_; }
  Result<std::optional<engine::ResultChunk>> Fetch() override {
    if (next_ >= end_) return std::optional<engine::ResultChunk>();
    ColumnBuilder builder{Type(TypeKind::kInt32)};
    for (int i = 0; i < 1000 && next_ < end_; ++i) {
      builder.AppendFixed(static_cast<int32_t>(next_++));
    }
    engine::ResultChunk chunk;
    chunk.rows = builder.rows();
    chunk.columns.push_back(builder.Finish());
    return std::optional<engine::ResultChunk>(std::move(chunk));
  }
  std::string command_tag() const override {
    return tag_.empty() ? "SELECT " + std::to_string(count_) : tag_;
  }

 private:
  int64_t next_;
  int64_t end_;
  int64_t count_;
  std::string tag_;
  std::vector<engine::ResultColumn> columns_;
};

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

int64_t NumberIn(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool IsKnown(std::string_view text) {
  for (const std::string_view word :
       {"SELECT ", "ROWS ", "FAIL", "SLEEP", "BEGIN", "COMMIT", "ROLLBACK", "INSERT "}) {
    if (text.starts_with(word)) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::shared_ptr<engine::Statement>>> SessionForTest::Parse(
    std::string_view sql) {
  std::vector<std::shared_ptr<engine::Statement>> statements;
  while (!sql.empty()) {
    const size_t end = std::min(sql.find(';'), sql.size());
    const std::string_view text = Trimmed(sql.substr(0, end));
    sql.remove_prefix(std::min(end + 1, sql.size()));
    if (text.empty()) continue;
    if (!IsKnown(text)) return SqlError(sqlstate::kSyntaxError, "not known here");
    statements.push_back(std::make_shared<StatementForTest>(std::string(text)));
  }
  return statements;
}

Result<engine::Description> SessionForTest::Describe(
    const std::shared_ptr<engine::Statement>& statement, const std::vector<Type>&) {
  events.emplace_back("describe");
  engine::Description description;
  if (statement->text().find('$') != std::string_view::npos) {
    description.parameters.emplace_back(TypeKind::kInt32);
  }
  if (statement->verb() == "SELECT" || statement->verb() == "ROWS") {
    description.columns.push_back({"n", Type(TypeKind::kInt32)});
  }
  return description;
}

Result<std::unique_ptr<engine::ResultStream>> SessionForTest::Execute(
    const std::shared_ptr<engine::Statement>& statement, const std::vector<Type>&,
    const std::vector<engine::ParameterText>& parameters) {
  using State = engine::TransactionState;
  const std::string_view verb = statement->verb();
  events.emplace_back(statement->text());
  if (verb == "BEGIN") {
    state = State::kActive;
    implicit = false;
    return std::make_unique<RowsForTest>("BEGIN");
  }
  if (verb == "COMMIT" || verb == "ROLLBACK") {
    if (verb == "COMMIT") rows_written += rows_waiting;
    rows_waiting = 0;
    state = State::kIdle;
    return std::make_unique<RowsForTest>(std::string(verb));
  }
  if (verb == "FAIL") {
    if (state == State::kActive) state = State::kFailed;
    return WithPosition(SqlError(sqlstate::kDivisionByZero, "division by zero"), 3);
  }
  if (verb == "SLEEP") {
    MutexLock lock(mu_);
    cancelled_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return stop_; });
    stop_ = false;
    if (state == State::kActive) state = State::kFailed;
    return SqlError(sqlstate::kQueryCanceled, "stopped");
  }
  if (verb == "INSERT") return std::make_unique<RowsForTest>("INSERT 0 1");
  const std::string_view argument = statement->text().substr(verb.size() + 1);
  const int64_t number = argument == "$1" && !parameters.empty() ? NumberIn(parameters[0].value())
                                                                 : NumberIn(argument);
  if (verb == "ROWS") return std::make_unique<RowsForTest>(0, number);
  return std::make_unique<RowsForTest>(number, 1);
}

void SessionForTest::WriteRows(TableRows rows, std::function<void(Status)> done) {
  if (!write_error.ok()) return done(write_error);
  events.push_back("write " + std::to_string(rows.rows->rows));
  const bool waits = implicit || state != engine::TransactionState::kIdle;
  (waits ? rows_waiting : rows_written) += rows.rows->rows;
  done(OkStatus());
}

Status SessionForTest::BeginImplicit() {
  events.emplace_back("begin implicit");
  implicit = true;
  return OkStatus();
}

void SessionForTest::CommitImplicit(std::function<void(Status)> done) {
  events.emplace_back("commit implicit");
  implicit = false;
  rows_written += std::exchange(rows_waiting, 0);
  done(OkStatus());
}

void SessionForTest::RollbackImplicit() {
  events.emplace_back("rollback implicit");
  implicit = false;
  rows_waiting = 0;
}

Status SessionForTest::RollbackToMark(const engine::TransactionMark& mark) {
  rows_waiting = mark.writes;
  state = engine::TransactionState::kActive;
  return OkStatus();
}

void SessionForTest::NoteFailure() {
  if (state == engine::TransactionState::kActive) state = engine::TransactionState::kFailed;
}

TableRef SessionForTest::FindTable(const std::optional<std::string>&, std::string_view name) const {
  return table != nullptr && name == table->name.table ? table : nullptr;
}

Status SessionForTest::SetOption(std::string_view name, std::string_view) {
  return SqlErrorf(sqlstate::kUndefinedObject, "unknown here: {}", name);
}

Result<std::string> SessionForTest::GetOption(std::string_view name) const {
  return SqlErrorf(sqlstate::kUndefinedObject, "unknown here: {}", name);
}

void SessionForTest::Cancel() {
  ++cancels;
  MutexLock lock(mu_);
  stop_ = true;
  cancelled_.NotifyAll();
}

TableRef TableForTest() {
  auto table = std::make_shared<TableDef>();
  table->id = TableId(1);
  table->name = {"public", "t"};
  const auto add = [&](const char* name, TypeKind kind, bool nullable) {
    ColumnDef column;
    column.id = ColumnId(static_cast<uint32_t>(table->columns.size() + 1));
    column.name = name;
    column.type = Type(kind);
    column.nullable = nullable;
    table->columns.push_back(std::move(column));
  };
  add("timestamp", TypeKind::kTimestampTz, false);
  add("name", TypeKind::kText, true);
  add("n", TypeKind::kInt32, true);
  table->sort_order = {{0, true}};
  return table;
}

}  // namespace varve::server
