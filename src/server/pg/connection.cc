#include "server/pg/connection.h"

#include <spdlog/spdlog.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "server/pg/wire_telemetry.h"

namespace varve::server::pg {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// How long a statement runs before its client is looked after.
constexpr int64_t kPeerCheckUs = 200'000;

Status ShuttingDown() {
  return SqlError(sqlstate::kAdminShutdown, "terminating connection due to administrator command");
}

}  // namespace

Connection::Connection(Socket socket, ServerParts& parts)
    : socket_(std::move(socket)),
      parts_(parts),
      input_(parts.input_budget),
      accepted_us_(parts.clock.MonotonicUs()) {}

Connection::~Connection() {
  protocol_.reset();
  if (entry_ != nullptr) parts_.registry.Unregister(entry_->pid());
}

Connection::Awaitable<void> Connection::Run() {
  const auto self = shared_from_this();
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
  if (co_await StartUp()) co_await Serve();
  // Ending the session may roll back a transaction, which blocks.
  if (protocol_ != nullptr) {
    std::function<void()> end = [this] { protocol_.reset(); };
    co_await OnPool(parts_.sessions, std::move(end));
  }
  socket_.shutdown(asio::socket_base::shutdown_both, ignored);
  socket_.close(ignored);
}

// OnPool and AwaitPending are no coroutines themselves: GCC 12 destroys a closure twice that is a
// temporary of a co_await expression, and with it whatever it has captured by value.
Connection::Awaitable<void> Connection::OnPool(WorkPool& pool, std::function<void()> work) {
  auto initiate = [this, &pool](auto handler, std::function<void()> inner) {
    // std::function copies, coroutine handlers do not.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    pool.Run([this, shared, inner = std::move(inner)] {
      inner();
      asio::post(socket_.get_executor(), [shared] { std::move (*shared)(); });
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      std::move(initiate), asio::use_awaitable, std::move(work));
}

Connection::Awaitable<void> Connection::AwaitPending() {
  auto initiate = [executor = socket_.get_executor()](auto handler,
                                                      std::shared_ptr<Completion> pending) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    pending->WhenDone(
        [executor, shared] { asio::post(executor, [shared] { std::move (*shared)(); }); });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      std::move(initiate), asio::use_awaitable, protocol_->pending());
}

void Connection::AdvanceNow() {
  std::string_view input = input_.bytes();
  // Nothing here throws by itself; memory can run out, and a library can.
  try {
    step_ = protocol_->Advance(input);
  } catch (const std::exception& error) {
    spdlog::error("connection {}: exception in a statement: {}", entry_->pid(), error.what());
    protocol_->Terminate(Internal("Exception in a statement: {}", error.what()));
    step_ = ProtocolStep::kClose;
  }
  input_.Keep(input);
  TryWrite();
}

void Connection::TryWrite() {
  if (writing_.empty()) {
    writing_ = protocol_->out().Take();
    written_ = 0;
  }
  while (written_ < writing_.size()) {
    error_code error;
    const size_t n = socket_.write_some(
        asio::buffer(writing_.data() + written_, writing_.size() - written_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) return;
    if (error) {
      write_failed_ = true;
      return;
    }
    written_ += n;
    WireTelemetry::Get().bytes_sent.Add(n);
  }
  writing_.clear();
  written_ = 0;
}

Connection::Awaitable<bool> Connection::WriteOut() {
  if (writing_.empty() && protocol_ != nullptr) writing_ = protocol_->out().Take();
  if (!write_failed_ && written_ < writing_.size()) {
    const auto [error, n] = co_await asio::async_write(
        socket_, asio::buffer(writing_.data() + written_, writing_.size() - written_), kAwait);
    if (error) write_failed_ = true;
    WireTelemetry::Get().bytes_sent.Add(n);
  }
  writing_.clear();
  written_ = 0;
  co_return !write_failed_;
}

Connection::Awaitable<bool> Connection::ReadMore(size_t wanted) {
  // The start-up packet may have come with more behind it.
  while (input_.bytes().size() < wanted) {
    // A stop finds no read to cancel while the bytes of the last one are on their way to here.
    if (MustEnd()) co_return false;
    if (Status room = input_.MakeRoom(wanted); !room.ok()) {
      co_await Refuse(room);
      co_return false;
    }
    const auto [error, n] = co_await socket_.async_read_some(
        asio::buffer(input_.free_begin(), input_.free_bytes()), kAwait);
    if (error) co_return false;
    input_.Commit(n);
    WireTelemetry::Get().bytes_received.Add(n);
  }
  co_return true;
}

Connection::Awaitable<void> Connection::Refuse(const Status& status) {
  MessageWriter out;
  ErrorReport report = ReportOf(status);
  report.severity = Severity::kFatal;
  out.Error(report);
  WireTelemetry::Get().CountError(report.sqlstate);
  const std::string bytes = out.Take();
  co_await asio::async_write(socket_, asio::buffer(bytes), kAwait);
}

Connection::Awaitable<ProtocolStep> Connection::AdvanceOnPool() {
  busy_since_us_ = parts_.clock.MonotonicUs();
  const bool fresh =
      protocol_->IsIdle() && protocol_->client().state() == engine::TransactionState::kIdle;
  WorkPool& pool = protocol_->IsIngest(input_.bytes()) ? parts_.ingest : parts_.queries;
  // Only work that begins something new can be refused; the rest holds its place.
  if (fresh) {
    if (Status admitted = pool.Admit(); !admitted.ok()) {
      protocol_->RefuseInput(std::move(admitted));
      AdvanceNow();
      busy_since_us_ = 0;
      co_return step_;
    }
  }
  std::function<void()> advance = [this] { AdvanceNow(); };
  co_await OnPool(pool, std::move(advance));
  busy_since_us_ = 0;
  co_return step_;
}

Connection::Awaitable<void> Connection::Serve() {
  for (;;) {
    if (step_ == ProtocolStep::kNeedInput) {
      if (stop_requested_ && idle_end_.ok()) idle_end_ = ShuttingDown();
      if (!idle_end_.ok()) {
        co_await Refuse(idle_end_);
        co_return;
      }
      idle_since_us_ = parts_.clock.MonotonicUs();
      const bool read = co_await ReadMore(protocol_->bytes_wanted());
      idle_since_us_ = 0;
      if (!read && !std::exchange(stop_in_copy_, false)) {
        // A stop or a time limit cancels the read.
        if (!MustEnd()) co_return;
        continue;
      }
    }
    const ProtocolStep step = co_await AdvanceOnPool();
    if (step != ProtocolStep::kWait && !co_await WriteOut()) co_return;
    if (step == ProtocolStep::kClose) co_return;
    if (step == ProtocolStep::kWait) co_await AwaitPending();
  }
}

// The requests of other threads hold no Connection: one that is still queued when the io_context
// goes would end it after the registry and the pools that it uses.
void Connection::RequestStop() {
  asio::post(socket_.get_executor(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->stop_requested_ = true;
    error_code ignored;
    if (!self->started_) {
      self->socket_.close(ignored);
    } else if (self->idle_since_us_ != 0) {
      self->socket_.cancel(ignored);
    }
  });
}

void Connection::Close() {
  asio::post(socket_.get_executor(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->write_failed_ = true;
    error_code ignored;
    self->socket_.close(ignored);
  });
}

void Connection::Check() {
  asio::post(socket_.get_executor(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    const int64_t now_us = self->parts_.clock.MonotonicUs();
    error_code error;
    if (!self->started_) {
      if (now_us - self->accepted_us_ > kStartupTimeoutUs) self->socket_.close(error);
      return;
    }
    if (self->idle_since_us_ != 0 && self->entry_->stop_reason() != StopReason::kNone) {
      self->stop_in_copy_ = true;
      self->socket_.cancel(error);
      return;
    }
    if (self->idle_since_us_ != 0) return self->CheckIdle(now_us);
    if (self->busy_since_us_ == 0 || now_us - self->busy_since_us_ < kPeerCheckUs) return;
    char byte = 0;
    const size_t n =
        self->socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
    const bool waiting = error == asio::error::would_block || error == asio::error::try_again;
    if (!waiting && (error || n == 0)) self->entry_->StopForGood(StopReason::kDisconnect);
  });
}

// Runs while the protocol waits for input, so that its settings are at rest.
void Connection::CheckIdle(int64_t now_us) {
  const int64_t idle_ms = (now_us - idle_since_us_) / 1000;
  const Settings& settings = protocol_->client().settings();
  const bool in_transaction = protocol_->client().state() != engine::TransactionState::kIdle;
  const int64_t limit_ms = in_transaction ? settings.idle_in_transaction_timeout_ms()
                                          : settings.idle_session_timeout_ms();
  if (limit_ms == 0 || idle_ms < limit_ms) return;
  idle_end_ = in_transaction
                  ? SqlError("25P03", "terminating connection due to idle-in-transaction timeout")
                  : SqlError("57P05", "terminating connection due to idle-session timeout");
  error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace varve::server::pg
