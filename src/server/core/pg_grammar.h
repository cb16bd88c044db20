// Reads SQL with PostgreSQL 15's own grammar, for the statements that the engine's grammar lacks.
//
// Role:     client_session -> [ParsePostgres] -> which statements a text holds, and what the
//           server's own ones (settings, transactions, cursors, ...) say.
// Errors:   42601 with PostgreSQL's message and position, 54000 for a text that is too long for it.
// Threads:  safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace varve::server {

// Longer texts are not read here: the tree of one takes hundreds of bytes for each of its own.
inline constexpr size_t kPostgresTextMax = size_t{256} << 10;

struct SetSetting {
  std::string name;
  std::optional<std::string> value;  // nullopt: back to the default
  bool local = false;
};
struct SetModes {  // SET TRANSACTION, SET SESSION CHARACTERISTICS
  bool session = false;
  std::vector<std::pair<std::string, std::string>> modes;  // setting, value
};
struct ResetAll {};
struct ShowSetting {
  std::string name;  // "all" for SHOW ALL
};
struct TransactionControl {
  enum class Kind { kBegin, kCommit, kRollback };
  Kind kind = Kind::kBegin;
  std::vector<std::pair<std::string, std::string>> modes;
};
struct SavepointControl {
  enum class Kind { kSet, kRelease, kRollbackTo };
  Kind kind = Kind::kSet;
  std::string name;
};
struct DeclareCursor {
  std::string name;
  std::string query;
  size_t query_offset = 0;  // bytes, in the statement's text
  bool scroll = false;
  bool hold = false;
};
struct FetchCursor {
  std::string name;
  int64_t count = 1;  // INT64_MAX: ALL
  bool forward = true;
  bool move = false;
};
struct CloseCursor {
  std::string name;  // empty: ALL
};
struct DiscardState {
  bool all = false;
};
struct Deallocate {
  std::string name;  // empty: ALL
};
struct Unlisten {};
// Legal in PostgreSQL, not here.
struct Unsupported {
  std::string what;
};
// Not one of the server's own: the engine decides.
struct ForEngine {};

using PostgresStatement =
    std::variant<ForEngine, SetSetting, SetModes, ResetAll, ShowSetting, TransactionControl,
                 SavepointControl, DeclareCursor, FetchCursor, CloseCursor, DiscardState,
                 Deallocate, Unlisten, Unsupported>;

struct ParsedPostgres {
  size_t offset = 0;  // bytes, in the whole text
  std::string_view text;
  PostgresStatement statement;
};

Result<std::vector<ParsedPostgres>> ParsePostgres(std::string_view sql);

// The first word of a statement in upper case, comments and blanks passed over; empty if it does
// not begin with a word.
std::string FirstWord(std::string_view sql);
// Words that begin a statement of the server's own, or one that the engine would take for something
// else.
bool IsServerWord(std::string_view word);

}  // namespace varve::server
