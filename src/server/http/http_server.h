// Serves HTTP: health at any time, and the calls on rings and dashboards while storage is open.
//
// Role:     agents, dashboards, browsers, Prometheus -> [HttpServer] -> RingWriter, RingStore,
//           engine. Connections are coroutines on the caller's io_context; what may block runs on
//           this server's own pools.
// Limits:   HttpOptions' and those of http_limits.h: connections, header and body bytes, bodies of
//           all calls together, calls that run and wait; beyond them 413, 431, 429 or 503 with
//           Retry-After.
// Errors:   JSON {"detail": "..."}; see src/server/http/README.md for the table of status codes.
// Threads:  all methods from one thread that is not an io thread, while io threads run. After an
//           EndCalls that returned true nothing more is asked of the services.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "server/http/http_message.h"

namespace varve::server {

struct HttpOptions {
  std::string listen = "127.0.0.1";
  uint16_t port = 0;
  // OK while reads and writes are served; the message goes into the 503.
  std::function<Status()> readiness;
  size_t connections_max = 1024;
  size_t body_bytes_max = size_t{32} << 20;  // as sent, and decoded
  std::string cors_origins;                  // comma-separated; "*": all
  std::string hosts;                         // names besides localhost and addresses
  size_t query_threads = 4;
  size_t call_threads = 4;  // of other calls that block
  size_t ingest_threads = 2;
  size_t queued_max = 128;           // calls that wait for a thread, of each kind
  int64_t statement_timeout_ms = 0;  // 0: none
};

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& io, HttpOptions options, Clock& clock = Clock::System(),
             Random& random = Random::System());
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and begins to accept; returns the port. Unavailable when the address is taken.
  Result<uint16_t> Start();

  // From now on calls reach these, all of them, which must live until EndCalls has returned true.
  void Attach(HttpServices services);
  // Further calls, and those that wait for a thread, get 503; those that run go on.
  void RefuseCalls();
  // How long EndCalls takes at most, beyond `grace`.
  static constexpr std::chrono::seconds kEndLimit{2};
  // Waits for running calls for up to `grace`, then stops their statements. False: one still runs.
  bool EndCalls(std::chrono::milliseconds grace);

  // After EndCalls: waits up to `limit` for clients to take in the answers that are on their way.
  void FinishAnswers(std::chrono::milliseconds limit);
  // Stops accepting and closes every connection, after EndCalls or without services.
  void Stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace varve::server
