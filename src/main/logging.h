// Sends the server's messages to standard error, as text or as JSON lines.
#pragma once

#include <string>

namespace varve {

// `format`: "text" or "json"; `level`: "debug", "info", "warn" or "error". Call once, before
// threads.
void SetUpLogging(const std::string& format, const std::string& level);

}  // namespace varve
