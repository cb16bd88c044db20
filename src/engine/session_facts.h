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
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace varve::engine {

struct SessionFacts : duckdb::ClientContextState {
  static constexpr const char* kKey = "varve_session_facts";

  std::string user = "varve";
  std::string database = "varve";
  int32_t backend_pid = 0;
  // The value of a PostgreSQL setting as SHOW prints it; nullopt for a name that is not known.
  std::function<std::optional<std::string>(const std::string& name)> setting;

  // Settings that the server keeps, by lower-case name.
  void Note(std::string name, std::string value) VARVE_EXCLUDES(noted_mu) {
    MutexLock lock(noted_mu);
    noted[std::move(name)] = std::move(value);
  }
  std::optional<std::string> Noted(const std::string& name) const VARVE_EXCLUDES(noted_mu) {
    MutexLock lock(noted_mu);
    const auto found = noted.find(name);
    return found == noted.end() ? std::nullopt : std::optional(found->second);
  }
  mutable Mutex noted_mu;  // a leaf; a query that is still being fetched may ask while SET runs
  std::map<std::string, std::string> noted VARVE_GUARDED_BY(noted_mu);

  static void Attach(duckdb::ClientContext& context, duckdb::shared_ptr<SessionFacts> facts) {
    context.registered_state->Remove(kKey);
    context.registered_state->Insert(kKey, std::move(facts));
  }
};

// What version() returns and `server_version` begins with.
inline constexpr const char* kServerVersion = "15.0";

}  // namespace varve::engine
