// Serves PostgreSQL clients: accepts connections and speaks the protocol with each.
//
// Role:     psql and drivers -> [PgServer] -> engine sessions. Runs as coroutines on the caller's
//           io_context, which one or more threads run; statements block on this server's own pools.
// Limits:   connections_max (53300), running and queued statements (53400), bytes of a statement
//           (54000), bytes being received by all clients (53200).
// Errors:   Start: InvalidArgument for an address that is not loopback, because clients are not
//           authenticated; Unavailable when the port is taken.
// Threads:  Start and Stop from one thread that is not an io thread, while io threads run. After a
//           Stop that returned true no coroutine of this server is left, nothing more is asked of
//           the engine, and what is still queued on the io_context holds only this object itself.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "engine/session.h"
#include "server/core/session_registry.h"

namespace varve::server::pg {

struct PgServerOptions {
  std::string listen = "127.0.0.1";
  uint16_t port = 5432;  // 0: a free one
  size_t connections_max = 100;
  size_t query_threads = 8;   // statements that run at once
  size_t ingest_threads = 2;  // INSERTs of literals and COPY at once; queries do not hold them up
  size_t queued_max = 256;    // statements that wait for a thread, for each of the two
  size_t statement_bytes_max = size_t{64} << 20;
  size_t input_bytes_max = size_t{512} << 20;
  int64_t statement_timeout_ms = 0;  // the default of the setting; 0: none
};

class PgServer {
 public:
  PgServer(boost::asio::io_context& io, engine::Engine& engine, PgServerOptions options,
           Clock& clock = Clock::System(), Random& random = Random::System());
  ~PgServer();
  PgServer(const PgServer&) = delete;
  PgServer& operator=(const PgServer&) = delete;

  // Binds and begins to accept; returns the port.
  Result<uint16_t> Start();
  // How long Stop takes at most, beyond `grace`.
  static constexpr std::chrono::seconds kStopLimit{10};

  // Refuses new connections, ends idle ones, lets running statements finish for up to `grace`, then
  // stops them, and at last closes the sockets of clients that do not read; every client is told
  // 57P01. False: a statement could not be stopped, and runs on with what it uses.
  bool Stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace varve::server::pg
