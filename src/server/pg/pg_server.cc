#include "server/pg/pg_server.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "base/telemetry.h"
#include "server/pg/connection.h"
#include "server/pg/wire_telemetry.h"

namespace varve::server::pg {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kWatchInterval{25};
constexpr int kWatchesPerCheck = 8;
constexpr std::chrono::milliseconds kAcceptPause{50};
// Connections that have not said who they are do not count as sessions yet.
constexpr size_t kStartingMax = 64;
// Open and end sessions: queries that hold all their threads must not keep clients out.
constexpr size_t kSessionThreads = 2;

Result<tcp::endpoint> EndpointOf(const PgServerOptions& options) {
  error_code error;
  const std::string listen = options.listen == "localhost" ? "127.0.0.1" : options.listen;
  const auto address = asio::ip::make_address(listen, error);
  if (error) return InvalidArgument("listen: not an IP address: {}", options.listen);
  if (!address.is_loopback()) {
    return InvalidArgument(
        "listen: {} is not a loopback address, and clients are not authenticated yet: use "
        "127.0.0.1 "
        "or ::1",
        options.listen);
  }
  return tcp::endpoint(address, options.port);
}

}  // namespace

class PgServer::Impl : public std::enable_shared_from_this<PgServer::Impl> {
 public:
  Impl(asio::io_context& io, engine::Engine& engine, PgServerOptions options, Clock& clock,
       Random& random)
      : io_(io),
        options_(std::move(options)),
        registry_(options_.connections_max, clock, random),
        budget_(options_.input_bytes_max),
        queries_("query", {options_.query_threads, options_.queued_max}),
        ingest_("ingest", {options_.ingest_threads, options_.queued_max}),
        sessions_("session", {kSessionThreads, options_.queued_max}),
        parts_{engine,
               clock,
               registry_,
               queries_,
               ingest_,
               sessions_,
               budget_,
               {options_.statement_bytes_max},
               options_.statement_timeout_ms,
               stopping_},
        strand_(asio::make_strand(io.get_executor())),
        acceptor_(strand_),
        timer_(strand_) {}

  Result<uint16_t> Start();
  bool Stop(std::chrono::milliseconds grace);
  void RegisterGauges();

 private:
  asio::awaitable<void> Accept();
  asio::awaitable<void> Watch();
  void Admit(Connection::Socket socket);
  void Forget(const std::shared_ptr<Connection>& connection) VARVE_EXCLUDES(mu_);
  void ForEach(const std::function<void(Connection&)>& act) VARVE_EXCLUDES(mu_);
  bool HasConnections() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return !connections_.empty();
  }
  bool WaitUntilGone(std::chrono::milliseconds limit) VARVE_EXCLUDES(mu_);

  asio::io_context& io_;
  const PgServerOptions options_;
  std::atomic<bool> stopping_{false};
  SessionRegistry registry_;
  InputBudget budget_;
  WorkPool queries_;
  WorkPool ingest_;
  WorkPool sessions_;
  ServerParts parts_;
  // On the strand.
  Connection::Strand strand_;
  asio::basic_socket_acceptor<tcp, Connection::Strand> acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Connection::Strand>
      timer_;

  Mutex mu_;
  CondVar gone_;
  std::set<std::shared_ptr<Connection>> connections_ VARVE_GUARDED_BY(mu_);
  int loops_ VARVE_GUARDED_BY(mu_) = 0;  // Accept and Watch, while they run
};

Result<uint16_t> PgServer::Impl::Start() {
  VARVE_ASSIGN_OR_RETURN(const tcp::endpoint endpoint, EndpointOf(options_));
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return Unavailable("Cannot listen for PostgreSQL clients on {}:{}: {}", options_.listen,
                       options_.port, error.message());
  }
  const uint16_t port = acceptor_.local_endpoint(error).port();
  {
    MutexLock lock(mu_);
    loops_ = 2;
  }
  const auto ended = [self = shared_from_this()](const std::exception_ptr&) {
    MutexLock lock(self->mu_);
    --self->loops_;
    self->gone_.NotifyAll();
  };
  RegisterGauges();
  asio::co_spawn(strand_, Accept(), ended);
  asio::co_spawn(strand_, Watch(), ended);
  return port;
}

void PgServer::Impl::RegisterGauges() {
  const auto set = [this](const char* name, const char* help, size_t (*read)(const Impl&)) {
    // Whoever prints may do so when this server has gone.
    Telemetry::Get().SetGauge(name, help, [weak = weak_from_this(), read] {
      const auto self = weak.lock();
      return self == nullptr ? 0.0 : static_cast<double>(read(*self));
    });
  };
  set("varve_pg_sessions", "Connected PostgreSQL clients that have said who they are.",
      [](const Impl& impl) { return impl.registry_.count(); });
  set("varve_pg_statements_running", "Statements that hold a thread.",
      [](const Impl& impl) { return impl.queries_.running() + impl.ingest_.running(); });
  set("varve_pg_statements_queued", "Statements that wait for a thread.",
      [](const Impl& impl) { return impl.queries_.queued() + impl.ingest_.queued(); });
}

asio::awaitable<void> PgServer::Impl::Accept() {
  while (!stopping_.load()) {
    auto [error, socket] =
        co_await acceptor_.async_accept(asio::make_strand(io_.get_executor()), kAwait);
    if (stopping_.load()) break;
    if (!error) {
      Admit(Connection::Socket(std::move(socket)));
      continue;
    }
    // Out of descriptors, usually: try again when some connection has ended.
    spdlog::warn("cannot accept a PostgreSQL client: {}", error.message());
    asio::steady_timer pause(strand_, kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

void PgServer::Impl::Admit(Connection::Socket socket) {
  const auto executor = socket.get_executor();
  {
    MutexLock lock(mu_);
    // Dropped without a word: a flood of them must cost nothing.
    // The limit may be SIZE_MAX, for none.
    const size_t count = connections_.size();
    if (count >= kStartingMax && count - kStartingMax >= options_.connections_max) {
      WireTelemetry::Get().connections_dropped.Add();
      return;
    }
  }
  WireTelemetry::Get().connections.Add();
  auto connection = std::make_shared<Connection>(std::move(socket), parts_);
  {
    MutexLock lock(mu_);
    // Stop has asked all that are in the set to end, and nobody asks a later one.
    if (stopping_.load()) return;
    connections_.insert(connection);
  }
  asio::co_spawn(executor, connection->Run(),
                 [self = shared_from_this(), connection](const std::exception_ptr& thrown) {
                   if (thrown) spdlog::error("connection ended by an exception");
                   self->Forget(connection);
                 });
}

void PgServer::Impl::Forget(const std::shared_ptr<Connection>& connection) {
  // Destroyed without the lock. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::shared_ptr<Connection> last = connection;
  MutexLock lock(mu_);
  connections_.erase(connection);
  gone_.NotifyAll();
}

asio::awaitable<void> PgServer::Impl::Watch() {
  // To the end of the last connection: a stop reaches its statement from here.
  for (int i = 0; !stopping_.load() || HasConnections(); ++i) {
    timer_.expires_after(kWatchInterval);
    co_await timer_.async_wait(kAwait);
    registry_.Watch();
    if (i % kWatchesPerCheck == 0) ForEach([](Connection& connection) { connection.Check(); });
  }
}

void PgServer::Impl::ForEach(const std::function<void(Connection&)>& act) {
  std::vector<std::shared_ptr<Connection>> connections;
  {
    MutexLock lock(mu_);
    connections.assign(connections_.begin(), connections_.end());
  }
  for (const auto& connection : connections) act(*connection);
}

bool PgServer::Impl::WaitUntilGone(std::chrono::milliseconds limit) {
  MutexLock lock(mu_);
  return gone_.WaitFor(
      mu_, limit, [this]() VARVE_REQUIRES(mu_) { return connections_.empty() && loops_ == 0; });
}

bool PgServer::Impl::Stop(std::chrono::milliseconds grace) {
  if (stopping_.exchange(true)) return WaitUntilGone({});
  asio::post(strand_, [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
    self->timer_.cancel();
  });
  ForEach([](Connection& connection) { connection.RequestStop(); });
  if (WaitUntilGone(grace)) return true;
  spdlog::warn("stopping statements that still run after {} ms", grace.count());
  registry_.StopAll(StopReason::kShutdown);
  if (WaitUntilGone(kStopLimit / 5)) return true;
  // Clients that do not read what they are told.
  ForEach([](Connection& connection) { connection.Close(); });
  return WaitUntilGone(kStopLimit - kStopLimit / 5);
}

PgServer::PgServer(asio::io_context& io, engine::Engine& engine, PgServerOptions options,
                   Clock& clock, Random& random)
    : impl_(std::make_shared<Impl>(io, engine, std::move(options), clock, random)) {}

PgServer::~PgServer() { Stop(std::chrono::milliseconds(0)); }

Result<uint16_t> PgServer::Start() { return impl_->Start(); }

bool PgServer::Stop(std::chrono::milliseconds grace) { return impl_->Stop(grace); }

}  // namespace varve::server::pg
