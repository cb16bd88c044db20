// Tells the functions that clients call at connect whose session they run in.
//
// Role:     the engine's session puts it into its ClientContext -> [SessionFacts] -> version(),
//           current_user, current_database(), current_setting(), pg_backend_pid(), ...
//           Without it (the engine's own connections) they answer with the defaults below.
// Threads:  set up before the session's first statement; `setting` runs on DuckDB's threads while a
//           statement runs and must only read.
#pragma once

#include <cstdint>
#include <duckdb.hpp>
#include <duckdb/main/client_context_state.hpp>
#include <functional>
#include <optional>
#include <string>

namespace varve::engine {

struct SessionFacts : duckdb::ClientContextState {
  static constexpr const char* kKey = "varve_session_facts";

  std::string user = "varve";
  std::string database = "varve";
  int32_t backend_pid = 0;
  // The value of a PostgreSQL setting as SHOW prints it; nullopt for a name that is not known.
  std::function<std::optional<std::string>(const std::string& name)> setting;

  static void Attach(duckdb::ClientContext& context, duckdb::shared_ptr<SessionFacts> facts) {
    context.registered_state->Remove(kKey);
    context.registered_state->Insert(kKey, std::move(facts));
  }
};

// What version() returns and `server_version` begins with.
inline constexpr const char* kServerVersion = "15.0";

}  // namespace varve::engine
