#include "server/http/http_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "base/telemetry.h"
#include "server/core/session_registry.h"
#include "server/http/http_connection.h"
#include "server/http/http_limits.h"
#include "server/http/routes.h"

namespace varve::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kWatchInterval{50};
constexpr int kWatchesPerCheck = 5;
constexpr std::chrono::milliseconds kAcceptPause{50};
// Sent without waiting: a connection too many must cost nothing.
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    "Connection: close\r\nContent-Length: 34\r\n\r\n{\"detail\":\"too many connections\"}\n";

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  Impl(asio::io_context& io, HttpOptions options, Clock& clock, Random& random)
      : io_(io),
        options_(std::move(options)),
        clock_(clock),
        guard_(options_.cors_origins, options_.hosts),
        bodies_(kBodiesBytesMax),
        answers_(kAnswersBytesMax),
        statements_(options_.query_threads, clock, random),
        queries_("http-query", {options_.query_threads, options_.queued_max}),
        calls_("http-calls", {options_.call_threads, options_.queued_max}),
        ingest_("http-ingest", {options_.ingest_threads, options_.queued_max}),
        parts_{router_, guard_,  gate_,    queries_, calls_,
               ingest_, bodies_, answers_, clock,    options_.body_bytes_max,
               ending_},
        strand_(asio::make_strand(io.get_executor())),
        acceptor_(strand_),
        timer_(strand_) {
    AddRoutes(router_, {options_.readiness, statements_, options_.statement_timeout_ms, clock});
  }

  Result<uint16_t> Start();
  void Attach(HttpServices services);
  void RefuseCalls();
  bool EndCalls(std::chrono::milliseconds grace);
  void FinishAnswers(std::chrono::milliseconds limit) VARVE_EXCLUDES(mu_);
  void Stop() VARVE_EXCLUDES(mu_);

 private:
  asio::awaitable<void> Accept();
  asio::awaitable<void> Watch();
  void Admit(HttpConnection::Socket socket) VARVE_EXCLUDES(mu_);
  // Ends one that does nothing, for a new one; false: there is none.
  bool DisplaceOne() VARVE_REQUIRES(mu_);
  void ForEach(const std::function<void(HttpConnection&)>& act) VARVE_EXCLUDES(mu_);
  void RegisterGauges();

  asio::io_context& io_;
  const HttpOptions options_;
  Clock& clock_;
  HttpRouter router_;
  const OriginGuard guard_;
  ServiceGate gate_;
  std::atomic<bool> ending_{false};  // before the pools: what waits there looks at it
  ByteBudget bodies_;
  ByteBudget answers_;
  SessionRegistry statements_;
  WorkPool queries_;
  WorkPool calls_;
  WorkPool ingest_;
  HttpParts parts_;
  std::atomic<bool> stopping_{false};
  // On the strand.
  HttpConnection::Strand strand_;
  asio::basic_socket_acceptor<tcp, HttpConnection::Strand> acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, HttpConnection::Strand>
      timer_;

  Counter& displaced_ = Telemetry::Get().GetCounter(
      "varve_http_connections_displaced_total",
      "HTTP connections that did nothing and were closed for new ones, at http-connections-max.");

  Mutex mu_;
  CondVar left_;  // by a connection
  std::set<std::shared_ptr<HttpConnection>> connections_ VARVE_GUARDED_BY(mu_);
};

Result<uint16_t> HttpServer::Impl::Start() {
  error_code error;
  const auto address = asio::ip::make_address(options_.listen, error);
  if (error) return InvalidArgument("listen: not an address: {}", options_.listen);
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return Unavailable("cannot listen for HTTP on {}:{}: {}", options_.listen, options_.port,
                       error.message());
  }
  const uint16_t port = acceptor_.local_endpoint(error).port();
  RegisterGauges();
  // The coroutines hold the object.
  const auto hold = [self = shared_from_this()](const std::exception_ptr&) {};
  asio::co_spawn(strand_, Accept(), hold);
  asio::co_spawn(strand_, Watch(), hold);
  return port;
}

void HttpServer::Impl::RegisterGauges() {
  const auto set = [this](const char* name, const char* help, size_t (*read)(Impl&)) {
    // Whoever prints may do so when this server has gone.
    Telemetry::Get().SetGauge(name, help, [weak = weak_from_this(), read] {
      const auto self = weak.lock();
      return self == nullptr ? 0.0 : static_cast<double>(read(*self));
    });
  };
  set("varve_http_connections", "Open HTTP connections.", [](Impl& impl) {
    MutexLock lock(impl.mu_);
    return impl.connections_.size();
  });
  set("varve_http_calls_running", "HTTP calls that hold a thread.", [](Impl& impl) {
    return impl.queries_.running() + impl.calls_.running() + impl.ingest_.running();
  });
  set("varve_http_calls_queued", "HTTP calls that wait for a thread.", [](Impl& impl) {
    return impl.queries_.queued() + impl.calls_.queued() + impl.ingest_.queued();
  });
  set("varve_http_body_bytes", "Request bodies that are being received or answered.",
      [](Impl& impl) { return impl.bodies_.used(); });
  set("varve_http_answer_bytes", "Large answers that are being sent.",
      [](Impl& impl) { return impl.answers_.used(); });
}

asio::awaitable<void> HttpServer::Impl::Accept() {
  while (!stopping_.load()) {
    auto [error, socket] =
        co_await acceptor_.async_accept(asio::make_strand(io_.get_executor()), kAwait);
    if (stopping_.load()) break;
    if (!error) {
      Admit(HttpConnection::Socket(std::move(socket)));
      continue;
    }
    // Out of descriptors, usually: try again when some connection has ended.
    spdlog::warn("cannot accept an HTTP client: {}", error.message());
    asio::steady_timer pause(strand_, kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

void HttpServer::Impl::Admit(HttpConnection::Socket socket) {
  const auto executor = socket.get_executor();
  auto connection = std::make_shared<HttpConnection>(std::move(socket), parts_);
  {
    MutexLock lock(mu_);
    if (stopping_.load()) return;
    if (connections_.size() >= options_.connections_max && !DisplaceOne()) {
      connection->Refuse(kTooMany);
      return;
    }
    connections_.insert(connection);
  }
  asio::co_spawn(executor, connection->Run(),
                 [self = shared_from_this(), connection](const std::exception_ptr& thrown) {
                   if (thrown) spdlog::error("an HTTP connection ended by an exception");
                   MutexLock lock(self->mu_);
                   self->connections_.erase(connection);
                   self->left_.NotifyAll();
                 });
}

bool HttpServer::Impl::DisplaceOne() {
  const int64_t now_us = clock_.MonotonicUs();
  // Those that were never served first, then the longest wait.
  std::pair<bool, int64_t> least{true, INT64_MAX};
  HttpConnection* found = nullptr;
  for (const auto& connection : connections_) {
    const auto waiting = connection->waiting();
    if (!waiting) continue;
    const std::chrono::microseconds waited(now_us - waiting->since_us);
    if (waited < (waiting->has_served ? kDisplaceIdleAfter : kDisplaceUnservedAfter)) continue;
    const std::pair<bool, int64_t> rank{waiting->has_served, waiting->since_us};
    if (rank >= least) continue;
    least = rank;
    found = connection.get();
  }
  if (found == nullptr) return false;
  displaced_.Add();
  found->Displace();
  return true;
}

asio::awaitable<void> HttpServer::Impl::Watch() {
  for (int i = 0; !stopping_.load(); ++i) {
    timer_.expires_after(kWatchInterval);
    co_await timer_.async_wait(kAwait);
    statements_.Watch();
    if (i % kWatchesPerCheck == 0) ForEach([](HttpConnection& connection) { connection.Check(); });
  }
}

void HttpServer::Impl::ForEach(const std::function<void(HttpConnection&)>& act) {
  std::vector<std::shared_ptr<HttpConnection>> connections;
  {
    MutexLock lock(mu_);
    connections.assign(connections_.begin(), connections_.end());
  }
  for (const auto& connection : connections) act(*connection);
}

void HttpServer::Impl::Attach(HttpServices services) {
  // A part that is not wired ends the start, not the first request that needs it.
  VARVE_CHECK(services.engine != nullptr && services.rings != nullptr);
  VARVE_CHECK(services.writer != nullptr && services.dashboards != nullptr);
  gate_.Open(services);
}

void HttpServer::Impl::RefuseCalls() {
  ending_ = true;
  gate_.Close();
  // They would wait for calls that may run for the whole grace; now each refuses itself.
  for (WorkPool* const pool : {&queries_, &calls_, &ingest_}) {
    for (const auto& refusal : pool->TakeQueued()) refusal();
  }
}

bool HttpServer::Impl::EndCalls(std::chrono::milliseconds grace) {
  RefuseCalls();
  if (gate_.WaitUntilLeft(grace)) return true;
  spdlog::warn("stopping HTTP calls that still run after {} ms", grace.count());
  statements_.StopAll(StopReason::kShutdown);
  return gate_.WaitUntilLeft(kEndLimit);
}

void HttpServer::Impl::FinishAnswers(std::chrono::milliseconds limit) {
  const auto is_sending = [](const auto& connection) { return connection->is_sending(); };
  MutexLock lock(mu_);
  // Each answer is its connection's last now, so that the connection ends behind it.
  left_.WaitFor(mu_, limit, [&]() VARVE_REQUIRES(mu_) {
    return std::none_of(connections_.begin(), connections_.end(), is_sending);
  });
}

void HttpServer::Impl::Stop() {
  if (stopping_.exchange(true)) return;
  gate_.Close();
  asio::post(strand_, [self = shared_from_this()] {
    error_code ignored;  // Closing a closed acceptor is what we want anyway.
    self->acceptor_.close(ignored);
    self->timer_.cancel();
  });
  ForEach([](HttpConnection& connection) { connection.Close(); });
}

HttpServer::HttpServer(asio::io_context& io, HttpOptions options, Clock& clock, Random& random)
    : impl_(std::make_shared<Impl>(io, std::move(options), clock, random)) {}

HttpServer::~HttpServer() { impl_->Stop(); }

Result<uint16_t> HttpServer::Start() { return impl_->Start(); }

void HttpServer::Attach(HttpServices services) { impl_->Attach(services); }

void HttpServer::RefuseCalls() { impl_->RefuseCalls(); }

bool HttpServer::EndCalls(std::chrono::milliseconds grace) { return impl_->EndCalls(grace); }

void HttpServer::FinishAnswers(std::chrono::milliseconds limit) { impl_->FinishAnswers(limit); }

void HttpServer::Stop() { impl_->Stop(); }

}  // namespace varve::server
