// Runs SQL for one client: the only door from the server to DuckDB.
//
// Role:     server/pg, server/http -> [Session] -> DuckDB, TableWriter. No DuckDB type passes
//           through.
// Units:    a ResultChunk holds up to 2,048 rows in columns of model types.
// Errors:   PostgreSQL's SQLSTATEs with position where known. A failed statement changes nothing;
//           inside BEGIN it fails the transaction (25P02 until ROLLBACK) as PostgreSQL does.
// Threads:  a Session has one user at a time (the server serialises); Cancel() may be called from
//           any thread. Every call may block for as long as the statement runs: call on the query
//           pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/batch.h"
#include "ring/metric.h"

namespace varve::engine {

// Which metrics, and which of their samples, a session sees; none when `metrics` is empty.
struct RingScope {
  std::vector<ring::MetricId> metrics;
  ring::SecondsRange range;
};

struct ResultColumn {
  std::string name;
  Type type;
};

struct ResultChunk {
  uint32_t rows = 0;
  std::vector<Column> columns;
};

// A bound parameter in PostgreSQL's text form; nullopt is NULL.
using ParameterText = std::optional<std::string>;

// What the client is told before execution.
struct Description {
  std::vector<Type> parameters;
  std::vector<ResultColumn> columns;  // empty: the statement returns no rows
};

// How far a transaction had come, for SAVEPOINT.
struct TransactionMark {
  size_t writes = 0;
  uint64_t bytes = 0;
  size_t definitions = 0;
  size_t edits = 0;  // statements that deleted or updated rows
};

enum class TransactionState : char { kIdle = 'I', kActive = 'T', kFailed = 'E' };

// The running result of one statement. Holds its snapshot until destroyed.
class ResultStream {
 public:
  virtual ~ResultStream() = default;
  virtual const std::vector<ResultColumn>& columns() const = 0;
  // The next rows; nullopt at the end. After an error or the end, nothing more comes.
  virtual Result<std::optional<ResultChunk>> Fetch() = 0;
  // "SELECT 5", "INSERT 0 3", "CREATE TABLE", ...; complete after the end. The server counts the
  // rows of SELECT itself when a portal is only partly fetched.
  virtual std::string command_tag() const = 0;
};

// One parsed statement, bound to the session that parsed it.
class Statement {
 public:
  virtual ~Statement() = default;
  // The verb for command tags and routing, upper case: "SELECT", "INSERT", "BEGIN", "CREATE TABLE",
  // ...
  virtual std::string_view verb() const = 0;
  // The statement's own text, without the semicolon.
  virtual std::string_view text() const = 0;
};

class Session {
 public:
  virtual ~Session() = default;

  // Splits a query string. 42601 with position when it does not parse.
  virtual Result<std::vector<std::shared_ptr<Statement>>> Parse(std::string_view sql) = 0;

  // Types of parameters and result columns. `parameter_types`: what the client declared, kUnknown
  // or missing entries are inferred (unknowable ones become text).
  virtual Result<Description> Describe(const std::shared_ptr<Statement>& statement,
                                       const std::vector<Type>& parameter_types) = 0;

  // Runs the statement up to its first rows. One snapshot per call. Transaction statements, DDL,
  // SELECT, INSERT: everything that DuckDB's parser knows. At most one ResultStream of a session is
  // open at a time: opening another one materialises or ends the older as documented in
  // engine/README.md.
  virtual Result<std::unique_ptr<ResultStream>> Execute(
      const std::shared_ptr<Statement>& statement, const std::vector<Type>& parameter_types,
      const std::vector<ParameterText>& parameters) = 0;

  // The fast path: rows that were decoded without DuckDB, already complete (ingest::RowAssembler
  // did types, NOT NULL and derived columns). Outside BEGIN they are written at once, `done` says
  // when they are durable; inside they wait for COMMIT. 25P02 in a failed transaction.
  virtual void WriteRows(TableRows rows, std::function<void(Status)> done) = 0;

  // The implicit transaction of PostgreSQL's multi-statement query strings and of pipelines up to
  // Sync: between Begin and Commit, rows wait as inside BEGIN, but transaction_state() stays kIdle.
  // A BEGIN met on the way makes it an explicit one. Rollback drops the rows.
  virtual Status BeginImplicit() = 0;
  virtual void CommitImplicit(std::function<void(Status)> done) = 0;
  virtual void RollbackImplicit() = 0;

  // Only inside BEGIN. RollbackToMark drops the rows written since the mark, and lifts a failure.
  // 0A000, and nothing changed, when the engine's own transaction holds what it cannot undo in
  // part: definitions that were changed, temporary tables.
  virtual TransactionMark Mark() const = 0;
  virtual Status RollbackToMark(const TransactionMark& mark) = 0;

  // DEALLOCATE ALL: forgets the statements of SQL's PREPARE.
  virtual void ForgetPrepared() = 0;
  // DISCARD ALL: those and the temporary tables. Not in a transaction.
  virtual void Discard() = 0;

  // A statement that the server handled itself has failed: in a transaction, fail it.
  virtual void NoteFailure() = 0;
  virtual TransactionState transaction_state() const = 0;

  // Resolves a possibly unqualified name on the search path to a Varve table; nullptr if it is
  // none.
  virtual TableRef FindTable(const std::optional<std::string>& schema,
                             std::string_view table) const = 0;

  // PostgreSQL settings that change answers: "TimeZone", "search_path", "statement_timeout", ...
  // The server keeps the others. 42704 for an unknown name, 22023 for a bad value.
  virtual Status SetOption(std::string_view name, std::string_view value) = 0;
  virtual Result<std::string> GetOption(std::string_view name) const = 0;
  // The value of a setting that the server keeps, for current_setting().
  virtual void NoteSetting(std::string_view name, std::string_view value) = 0;

  // With a scope, samples, metrics and metric_tags mean those of schema ring, also without a schema
  // in front, and hold nothing outside of the scope; statements that do more than read get 25006.
  // nullopt ends that, and resets search_path. Not inside a transaction.
  virtual Status SetRingScope(std::optional<RingScope> scope) = 0;

  // Stops the running statement with 57014. Safe from any thread.
  virtual void Cancel() = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual Result<std::unique_ptr<Session>> NewSession(const std::string& user,
                                                      const std::string& database) = 0;
};

}  // namespace varve::engine
