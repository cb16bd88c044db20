// Turns DuckDB's exceptions into Status, and a Status into an exception that survives DuckDB.
//
// Role:     every entry from our code into DuckDB is wrapped in [GuardDuck]; callbacks that DuckDB
//           makes into our code report errors with [ThrowStatus], and keep their SQLSTATE that way.
// Threads:  no shared state.
#pragma once

#include <duckdb.hpp>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace varve::engine {

// The Status that `error` carries when ThrowStatus made it, else DuckDB's own error in PostgreSQL's
// terms.
Status StatusFromDuck(const duckdb::ErrorData& error, std::string_view statement_text = {});

// Throws a DuckDB exception from which StatusFromDuck restores `status`.
[[noreturn]] void ThrowStatus(const Status& status);

inline void ThrowIfError(const Status& status) {
  if (!status.ok()) ThrowStatus(status);
}

// Runs `body`, which returns void, Status or Result<T>; what it throws comes back as a Status.
template <typename Body>
auto GuardDuck(std::string_view statement_text, Body&& body) {
  using Returned = std::invoke_result_t<Body>;
  using Outcome = std::conditional_t<std::is_void_v<Returned>, Status, Returned>;
  try {
    if constexpr (std::is_void_v<Returned>) {
      body();
      return Outcome(OkStatus());
    } else {
      return Outcome(body());
    }
  } catch (const std::exception& e) {
    return Outcome(StatusFromDuck(duckdb::ErrorData(e), statement_text));
  }
}

template <typename Body>
auto GuardDuck(Body&& body) {
  return GuardDuck(std::string_view(), std::forward<Body>(body));
}

}  // namespace varve::engine
