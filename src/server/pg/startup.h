// Reads what a client asks for when it connects: user, database and settings.
//
// Role:     StartupPacket -> [StartupRequest] -> Settings and a session.
// Errors:   28000 no user, 0A000 a protocol or mode that is not spoken, 42704 and 22023 settings.
// Threads:  no shared state.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "server/core/settings.h"
#include "server/pg/message_body.h"

namespace varve::server::pg {

struct StartupRequest {
  std::string user;
  std::string database;  // the user's name unless given
  Settings settings;
  // Set when the client's protocol is newer, or it asks for extensions of it.
  bool negotiate = false;
  std::vector<std::string> unknown_extensions;
};

Result<StartupRequest> ReadStartupRequest(const StartupPacket& packet);

// The words of the "options" parameter: blanks separate them, a backslash keeps one.
std::vector<std::string> SplitOptions(std::string_view options);

}  // namespace varve::server::pg
