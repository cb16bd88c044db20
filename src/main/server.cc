#include "main/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "main/descriptor_limit.h"
#include "main/storage.h"
#include "server/http/http_server.h"
#include "server/pg/pg_server.h"

namespace varve {
namespace {

constexpr size_t kIoThreads = 2;
// Beside the connections: the log, the meta store, files of the lake that queries read.
constexpr uint64_t kDescriptorsBesides = 512;
// What is documented: the process ends this long after shutdown-grace-secs at the latest.
constexpr std::chrono::seconds kEndLimit{25};
constexpr std::chrono::seconds kFlushLimit{12};
static_assert(server::pg::PgServer::kStopLimit + server::HttpServer::kEndLimit + kFlushLimit <
              kEndLimit);

// Runs an io_context on a few threads. Its end destroys the handlers that are left, so it goes
// before everything that a handler may use.
class IoThreads {
 public:
  explicit IoThreads(size_t count) {
    for (size_t i = 0; i < count; ++i) threads_.emplace_back([this] { io_.run(); });
  }
  ~IoThreads() {
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
  }
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::vector<std::thread> threads_;
};

// Ends the process when an orderly end takes too long: a supervisor would do the same a little
// later. Nothing acknowledged is lost, because the log has it.
class LastResort {
 public:
  explicit LastResort(std::chrono::seconds limit) : thread_([this, limit] { Wait(limit); }) {}
  ~LastResort() {
    {
      MutexLock lock(mu_);
      ended_ = true;
    }
    changed_.NotifyAll();
    thread_.join();
  }
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;

 private:
  void Wait(std::chrono::seconds limit) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    if (changed_.WaitFor(mu_, limit, [this]() VARVE_REQUIRES(mu_) { return ended_; })) return;
    spdlog::critical("no orderly end within {} s, exiting: what is not flushed is in the log",
                     limit.count());
    std::_Exit(EXIT_FAILURE);
  }

  Mutex mu_;
  CondVar changed_;
  bool ended_ VARVE_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses everything above
};

// Catches SIGTERM and SIGINT from its construction on and lets the main thread wait for one.
class StopSignal {
 public:
  explicit StopSignal(boost::asio::io_context& io) : signals_(io, SIGTERM, SIGINT) {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      spdlog::info("signal {}: stopping", number);
      MutexLock lock(mu_);
      seen_ = true;
      changed_.NotifyAll();
    });
  }

  void Wait() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    changed_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return seen_; });
  }

 private:
  boost::asio::signal_set signals_;
  Mutex mu_;
  CondVar changed_;
  bool seen_ VARVE_GUARDED_BY(mu_) = false;
};

server::pg::PgServerOptions PgOptionsOf(const config::Options& options) {
  server::pg::PgServerOptions pg;
  pg.listen = options.Text("listen");
  pg.port = static_cast<uint16_t>(options.Integer("pg-port"));
  pg.connections_max = options.Bool("connection-limit")
                           ? static_cast<size_t>(options.Integer("max-connections"))
                           : SIZE_MAX;
  pg.statement_timeout_ms = options.Integer("statement-timeout-ms");
  return pg;
}

server::HttpOptions HttpOptionsOf(const config::Options& options,
                                  std::function<Status()> readiness) {
  server::HttpOptions http;
  http.listen = options.Text("listen");
  http.port = static_cast<uint16_t>(options.Integer("http-port"));
  http.readiness = std::move(readiness);
  http.connections_max = static_cast<size_t>(options.Integer("http-connections-max"));
  http.body_bytes_max = static_cast<size_t>(options.Integer("http-body-max-mb")) << 20;
  http.cors_origins = options.Text("http-cors-origins");
  http.hosts = options.Text("http-hosts");
  http.statement_timeout_ms = options.Integer("statement-timeout-ms");
  return http;
}

}  // namespace

Status CheckServerOptions(const config::Options& options) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(options.Text("listen"), error);
  if (error) return InvalidArgument("listen: \"{}\" is not an IP address", options.Text("listen"));
  if (!address.is_loopback()) {
    return InvalidArgument(
        "listen: {} is not a loopback address; authentication is not built yet, so Varve listens "
        "on "
        "loopback only",
        options.Text("listen"));
  }
  return OkStatus();
}

// Files and connections share one limit.
uint64_t DescriptorsWanted(const config::Options& options) {
  const auto pg = options.Bool("connection-limit") ? options.Integer("max-connections") : 0;
  return static_cast<uint64_t>(pg + options.Integer("http-connections-max")) + kDescriptorsBesides;
}

// What is made later uses what was made before, and is destroyed first: the servers, then the
// io_context with the handlers that they have left, then the storage that those may have used.
Status Serve(const config::Options& options) {
  RaiseDescriptorLimit(DescriptorsWanted(options));
  std::optional<LastResort> last_resort;
  Readiness readiness;
  std::unique_ptr<Storage> storage;
  IoThreads threads(kIoThreads);
  StopSignal stop(threads.io());

  // Health is answered from here on: a long replay must not look like a dead process.
  const auto is_ready = [&readiness, &storage]() -> Status {
    VARVE_RETURN_IF_ERROR(readiness.Get());
    return storage->CheckWriteRoom();  // it is ready only while there is a storage
  };
  server::HttpServer http(threads.io(), HttpOptionsOf(options, is_ready));
  VARVE_ASSIGN_OR_RETURN(const uint16_t http_port, http.Start());

  VARVE_ASSIGN_OR_RETURN(storage, Storage::Open(options));
  server::pg::PgServer pg(threads.io(), storage->engine(), PgOptionsOf(options));
  VARVE_ASSIGN_OR_RETURN(const uint16_t pg_port, pg.Start());
  http.Attach({.engine = &storage->engine(),
               .rings = &storage->rings(),
               .writer = &storage->ring_writer(),
               .dashboards = &storage->dashboards()});
  readiness.Set(OkStatus());
  spdlog::info("no authentication yet: listening on {} only", options.Text("listen"));
  std::printf("ready pg=%u http=%u grpc=0 data=%s\n", pg_port, http_port,
              storage->data_dir().c_str());
  std::fflush(stdout);

  stop.Wait();
  readiness.Set(Unavailable("the server is stopping"));
  const std::chrono::seconds grace(options.Integer("shutdown-grace-secs"));
  last_resort.emplace(grace + kEndLimit);
  storage->LimitFlushes(grace);
  const int64_t begun_us = Clock::System().MonotonicUs();
  http.RefuseCalls();
  const bool sessions_ended = pg.Stop(grace);
  const auto left = [grace, begun_us] {
    const int64_t waited_ms = (Clock::System().MonotonicUs() - begun_us) / 1000;
    return std::max(std::chrono::milliseconds(grace) - std::chrono::milliseconds(waited_ms), {});
  };
  const bool calls_ended = http.EndCalls(left());
  storage->Close(kFlushLimit);
  http.FinishAnswers(left());
  http.Stop();
  if (sessions_ended && calls_ended) return OkStatus();
  // What it uses cannot be taken from under it.
  spdlog::critical("a statement cannot be stopped, exiting: what is not flushed is in the log");
  std::_Exit(EXIT_FAILURE);
}

}  // namespace varve
