// Wires the parts together, runs the server, and takes it down again in order.
//
// Role:     main -> [Serve] -> engine, lake, log, ingest, flush, servers; docs/ARCHITECTURE.md has
//           the map.
// Errors:   what stopped the start, in one sentence; Unavailable when the log failed while running.
// Threads:  called once, from the main thread; returns after SIGTERM or SIGINT.
#pragma once

#include "base/status.h"
#include "config/options.h"

namespace varve {

// What can be said about the options without starting: addresses that may not be listened on.
Status CheckServerOptions(const config::Options& options);

Status Serve(const config::Options& options);

}  // namespace varve
