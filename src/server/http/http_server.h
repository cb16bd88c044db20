// Answers HTTP: health, readiness and the server's own telemetry.
//
// Role:     a load balancer, Prometheus or a person -> [HttpServer]. Runs as coroutines on the
//           caller's io_context; no thread of its own.
// Limits:   kConnectionsMax connections, kHeaderBytesMax of header, no request body over
//           kBodyBytesMax, kIdleTimeout per request; beyond them the connection is closed or
//           answered 413/431/503.
// Errors:   JSON {"detail": "..."} with 404, 405, 413, 503.
// Threads:  Start and Stop from one thread; handlers run on the io threads and must not block.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"

namespace varve::server {

struct HttpOptions {
  std::string listen = "127.0.0.1";
  uint16_t port = 0;
  // OK while reads and writes are served; the message goes into the 503.
  std::function<Status()> readiness;
};

class HttpServer {
 public:
  static constexpr int kConnectionsMax = 256;
  static constexpr uint32_t kHeaderBytesMax = 16 << 10;
  static constexpr uint64_t kBodyBytesMax = 1 << 20;
  static constexpr std::chrono::seconds kIdleTimeout{30};

  HttpServer(boost::asio::io_context& io, HttpOptions options);
  ~HttpServer();

  // Binds and begins to accept; returns the port. Unavailable when the address is taken.
  Result<uint16_t> Start();
  // Stops accepting; connections end with their running request or with the io_context.
  void Stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace varve::server
