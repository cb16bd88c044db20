#include "server/core/pg_grammar.h"

#include <fmt/core.h>
#include <pg_query.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

namespace varve::server {
namespace {

using Json = nlohmann::json;

constexpr int kCursorHold = 0x0020;    // CURSOR_OPT_HOLD
constexpr int kCursorScroll = 0x0002;  // CURSOR_OPT_SCROLL

std::string TextOr(const Json& node, const char* key, std::string fallback = {}) {
  const auto found = node.find(key);
  return found == node.end() || !found->is_string() ? fallback : found->get<std::string>();
}

bool FlagOf(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_boolean() && found->get<bool>();
}

int64_t NumberOr(const Json& node, const char* key, int64_t fallback) {
  const auto found = node.find(key);
  return found == node.end() || !found->is_number_integer() ? fallback : found->get<int64_t>();
}

// A literal as SET takes it; nullopt for anything that is none.
std::optional<std::string> ConstantText(const Json& node) {
  const auto constant = node.find("A_Const");
  if (constant == node.end()) return std::nullopt;
  if (const auto text = constant->find("sval"); text != constant->end()) {
    return TextOr(*text, "sval");
  }
  // The JSON form leaves out zeros and false.
  if (const auto number = constant->find("ival"); number != constant->end()) {
    return std::to_string(NumberOr(*number, "ival", 0));
  }
  if (const auto number = constant->find("fval"); number != constant->end()) {
    return TextOr(*number, "fval", "0");
  }
  if (const auto flag = constant->find("boolval"); flag != constant->end()) {
    return FlagOf(*flag, "boolval") ? "on" : "off";
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> ModesOf(const Json& node, const char* key) {
  std::vector<std::pair<std::string, std::string>> modes;
  const auto list = node.find(key);
  if (list == node.end()) return modes;
  for (const Json& item : *list) {
    const Json& element = item.at("DefElem");
    std::string name = TextOr(element, "defname");
    std::string value = ConstantText(element.value("arg", Json::object())).value_or("");
    if (name != "transaction_isolation") value = value == "0" ? "off" : "on";
    modes.emplace_back(std::move(name), std::move(value));
  }
  return modes;
}

// The JSON form leaves out negative numbers as it does zeros: such a literal is read from the text,
// whose place of it is its sign.
std::optional<std::string> NegativeText(const Json& node, std::string_view text) {
  const auto constant = node.find("A_Const");
  if (constant == node.end()) return std::nullopt;
  const auto number = constant->find("ival");
  if (number == constant->end() || number->contains("ival")) return std::nullopt;
  size_t at = static_cast<size_t>(NumberOr(*constant, "location", 0));
  if (at >= text.size() || text[at] != '-') return std::nullopt;
  at = text.find_first_of("0123456789", at);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t end = text.find_first_not_of("0123456789", at);
  return fmt::format("-{}", text.substr(at, end == std::string_view::npos ? end : end - at));
}

PostgresStatement ReadSet(const Json& node, std::string_view sql) {
  const std::string kind = TextOr(node, "kind");
  const std::string name = TextOr(node, "name");
  if (kind == "VAR_RESET_ALL") return ResetAll{};
  if (kind == "VAR_SET_MULTI") {
    if (name == "TRANSACTION SNAPSHOT") return Unsupported{"SET TRANSACTION SNAPSHOT"};
    return SetModes{name == "SESSION CHARACTERISTICS", ModesOf(node, "args")};
  }
  SetSetting set{name, std::nullopt, FlagOf(node, "is_local")};
  if (kind == "VAR_SET_CURRENT") return Unsupported{"SET ... FROM CURRENT"};
  if (kind != "VAR_SET_VALUE") return set;
  std::string value;
  for (const Json& argument : node.value("args", Json::array())) {
    auto text = NegativeText(argument, sql);
    if (!text) text = ConstantText(argument);
    if (!text) return Unsupported{"SET with a value that is not a literal"};
    if (!value.empty()) value += ", ";
    value += *text;
  }
  set.value = std::move(value);
  return set;
}

PostgresStatement ReadTransaction(const Json& node) {
  const std::string kind = TextOr(node, "kind");
  if (FlagOf(node, "chain")) return Unsupported{"AND CHAIN"};
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") {
    return TransactionControl{TransactionControl::Kind::kBegin, ModesOf(node, "options")};
  }
  if (kind == "TRANS_STMT_COMMIT") return TransactionControl{TransactionControl::Kind::kCommit, {}};
  if (kind == "TRANS_STMT_ROLLBACK")
    return TransactionControl{TransactionControl::Kind::kRollback, {}};
  if (kind.find("PREPARE") != std::string::npos) return Unsupported{"two-phase commit"};
  SavepointControl savepoint;
  if (kind == "TRANS_STMT_RELEASE") savepoint.kind = SavepointControl::Kind::kRelease;
  if (kind == "TRANS_STMT_ROLLBACK_TO") savepoint.kind = SavepointControl::Kind::kRollbackTo;
  savepoint.name = TextOr(node, "savepoint_name");
  return savepoint;
}

struct ParseFree {
  void operator()(PgQueryParseResult* result) const { pg_query_free_parse_result(*result); }
};

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<uint8_t>(c) >= 0x80;
}

// Passes over blanks and comments, which nest in PostgreSQL.
size_t SkipBlanks(std::string_view sql, size_t at) {
  while (at < sql.size()) {
    if (sql[at] == ' ' || (sql[at] >= '\t' && sql[at] <= '\r')) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      int depth = 0;
      do {
        if (sql.substr(at, 2) == "/*") {
          ++depth, at += 2;
        } else if (sql.substr(at, 2) == "*/") {
          --depth, at += 2;
        } else {
          ++at;
        }
      } while (depth > 0 && at < sql.size());
    } else {
      break;
    }
  }
  return std::min(at, sql.size());
}

// End of the word or quoted name that starts at `at`.
size_t WordEnd(std::string_view sql, size_t at) {
  if (at < sql.size() && sql[at] == '"') {
    for (++at; at < sql.size(); ++at) {
      if (sql[at] != '"') continue;
      if (at + 1 == sql.size() || sql[at + 1] != '"') return at + 1;
      ++at;
    }
    return at;
  }
  while (at < sql.size() && IsWordByte(sql[at])) ++at;
  return at;
}

// DECLARE name [options] CURSOR [WITH HOLD] FOR query: the grammar has accepted the text, so the
// first bare FOR is the one before the query. (The tree gives no position of the query.)
size_t QueryOffset(std::string_view declare) {
  size_t at = SkipBlanks(declare, 0);
  while (at < declare.size()) {
    const size_t end = WordEnd(declare, at);
    if (end == at) return declare.size();
    const std::string_view word = declare.substr(at, end - at);
    at = SkipBlanks(declare, end);
    if (FirstWord(word) == "FOR") return at;
  }
  return declare.size();
}

PostgresStatement ReadCursor(const Json& node, std::string_view text) {
  const int64_t options = NumberOr(node, "options", 0);
  DeclareCursor declare;
  declare.name = TextOr(node, "portalname");
  declare.query_offset = QueryOffset(text);
  declare.query = text.substr(declare.query_offset);
  declare.scroll = (options & kCursorScroll) != 0;
  declare.hold = (options & kCursorHold) != 0;
  return declare;
}

PostgresStatement ReadFetch(const Json& node) {
  FetchCursor fetch;
  fetch.name = TextOr(node, "portalname");
  fetch.count = NumberOr(node, "howMany", 0);
  fetch.forward = TextOr(node, "direction") == "FETCH_FORWARD";
  fetch.move = FlagOf(node, "ismove");
  if (fetch.forward && fetch.count < 0) fetch.forward = false;
  return fetch;
}

struct Refusal {
  std::string_view node;
  std::string_view what;
};
constexpr std::array kRefusals = {
    Refusal{"ListenStmt", "LISTEN"},
    Refusal{"NotifyStmt", "NOTIFY"},
    Refusal{"GrantStmt", "GRANT and REVOKE"},
    Refusal{"GrantRoleStmt", "GRANT and REVOKE"},
    Refusal{"AlterDefaultPrivilegesStmt", "ALTER DEFAULT PRIVILEGES"},
    Refusal{"CreateRoleStmt", "CREATE ROLE"},
    Refusal{"AlterRoleStmt", "ALTER ROLE"},
    Refusal{"AlterRoleSetStmt", "ALTER ROLE"},
    Refusal{"DropRoleStmt", "DROP ROLE"},
    Refusal{"ReassignOwnedStmt", "REASSIGN OWNED"},
    Refusal{"DropOwnedStmt", "DROP OWNED"},
    Refusal{"CreatedbStmt", "CREATE DATABASE"},
    Refusal{"DropdbStmt", "DROP DATABASE"},
    Refusal{"AlterDatabaseStmt", "ALTER DATABASE"},
    Refusal{"AlterDatabaseSetStmt", "ALTER DATABASE"},
    Refusal{"AlterSystemStmt", "ALTER SYSTEM"},
    Refusal{"ConstraintsSetStmt", "SET CONSTRAINTS"},
    Refusal{"LockStmt", "LOCK TABLE"},
    Refusal{"DoStmt", "DO"},
    Refusal{"CreateFunctionStmt", "CREATE FUNCTION"},
    Refusal{"CreateTrigStmt", "CREATE TRIGGER"},
    Refusal{"CreateExtensionStmt", "CREATE EXTENSION"},
    Refusal{"LoadStmt", "LOAD"},
};

// `text` is the statement's own, a part of `sql`, which the places in the tree count from.
PostgresStatement ReadStatement(const std::string& kind, const Json& node, std::string_view text,
                                std::string_view sql) {
  if (kind == "VariableSetStmt") return ReadSet(node, sql);
  if (kind == "VariableShowStmt") return ShowSetting{TextOr(node, "name")};
  if (kind == "TransactionStmt") return ReadTransaction(node);
  if (kind == "DeclareCursorStmt") return ReadCursor(node, text);
  if (kind == "FetchStmt") return ReadFetch(node);
  if (kind == "ClosePortalStmt") return CloseCursor{TextOr(node, "portalname")};
  if (kind == "DiscardStmt") return DiscardState{TextOr(node, "target") == "DISCARD_ALL"};
  if (kind == "DeallocateStmt") return Deallocate{TextOr(node, "name")};
  if (kind == "UnlistenStmt") return Unlisten{};
  for (const Refusal& refusal : kRefusals) {
    if (refusal.node == kind) return Unsupported{std::string(refusal.what)};
  }
  return ForEngine{};
}

// The grammar's library walks down a nested expression without looking at its stack, at some 130
// bytes of stack for each byte of text ("1+1+1+..."): a long text gets a stack of its own that it
// cannot use up.
constexpr size_t kStackPerByte = 512;
constexpr size_t kPlainTextMax = size_t{8} << 10;

PgQueryParseResult ParseOnLargeStack(const std::string& text) {
  struct Task {
    const std::string& text;
    PgQueryParseResult result{};
  } task{text};
  const auto parse = [](void* at) -> void* {
    auto& own = *static_cast<Task*>(at);
    own.result = pg_query_parse(own.text.c_str());
    return nullptr;
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, text.size() * kStackPerByte + (size_t{1} << 20));
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, parse, &task) == 0;
  pthread_attr_destroy(&attributes);
  if (started) pthread_join(thread, nullptr);
  return task.result;
}

Status SyntaxError(const PgQueryError& error) {
  Status status = SqlError(sqlstate::kSyntaxError, error.message);
  return error.cursorpos > 0 ? WithPosition(std::move(status), static_cast<size_t>(error.cursorpos))
                             : status;
}

}  // namespace

Result<std::vector<ParsedPostgres>> ParsePostgres(std::string_view sql) {
  if (sql.size() > kPostgresTextMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex,
                     "statements of this kind can have at most {} bytes", kPostgresTextMax);
  }
  const std::string text(sql);
  PgQueryParseResult result =
      text.size() > kPlainTextMax ? ParseOnLargeStack(text) : pg_query_parse(text.c_str());
  if (result.parse_tree == nullptr && result.error == nullptr) {
    return Internal("no thread to read the statement with");
  }
  const std::unique_ptr<PgQueryParseResult, ParseFree> guard(&result);
  if (result.error != nullptr) return SyntaxError(*result.error);
  const Json tree = Json::parse(result.parse_tree, nullptr, /*allow_exceptions=*/false);
  std::vector<ParsedPostgres> statements;
  if (!tree.is_object()) return Internal("The parser's tree is not JSON");
  const auto list = tree.find("stmts");
  if (list == tree.end()) return statements;
  for (const Json& raw : *list) {  // by reference: copying a deep tree would need a deep stack
    ParsedPostgres parsed;
    // The place may begin with blanks and comments before the statement.
    const auto start = static_cast<size_t>(NumberOr(raw, "stmt_location", 0));
    const auto length = static_cast<size_t>(NumberOr(raw, "stmt_len", 0));
    const size_t end = length == 0 ? sql.size() : std::min(sql.size(), start + length);
    parsed.offset = SkipBlanks(sql, start);
    parsed.text = sql.substr(parsed.offset, end - std::min(parsed.offset, end));
    const auto node = raw.find("stmt");
    if (node == raw.end() || !node->is_object() || node->empty()) continue;
    parsed.statement = ReadStatement(node->begin().key(), node->begin().value(), parsed.text, sql);
    statements.push_back(std::move(parsed));
  }
  return statements;
}

std::string FirstWord(std::string_view sql) {
  const size_t begin = SkipBlanks(sql, 0);
  size_t end = begin;
  while (end < sql.size() && ((sql[end] >= 'a' && sql[end] <= 'z') ||
                              (sql[end] >= 'A' && sql[end] <= 'Z') || sql[end] == '_')) {
    ++end;
  }
  std::string word(sql.substr(begin, end - begin));
  for (char& c : word) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return word;
}

bool IsServerWord(std::string_view word) {
  static constexpr std::array<std::string_view, 26> kWords = {
      "ABORT",     "BEGIN",  "CLOSE", "COMMIT",   "DEALLOCATE", "DECLARE", "DISCARD",
      "DO",        "END",    "FETCH", "GRANT",    "LISTEN",     "LOAD",    "LOCK",
      "MOVE",      "NOTIFY", "RESET", "REASSIGN", "RELEASE",    "REVOKE",  "ROLLBACK",
      "SAVEPOINT", "SET",    "SHOW",  "START",    "UNLISTEN"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace varve::server
