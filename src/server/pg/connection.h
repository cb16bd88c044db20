// Carries one client's bytes between its socket and the protocol.
//
// Role:     socket -> [Connection] -> Protocol, and back. One coroutine on a strand; everything
//           that can block runs on a pool, and the first try to write happens there too, so that a
//           short statement costs one change of thread.
// Limits:   reads stop while a statement runs; at most one batch of replies is held.
// Errors:   an error of the socket ends the connection and stops its statement.
// Threads:  Run and what it calls: on the strand. RequestStop, Check: from any thread.
#pragma once

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "engine/session.h"
#include "server/core/session_registry.h"
#include "server/core/work_pool.h"
#include "server/pg/input_buffer.h"
#include "server/pg/protocol.h"
#include "server/pg/startup.h"

namespace varve::server::pg {

// What an asynchronous call is given: it answers with its error instead of throwing it.
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

// What all connections of a server share. Outlives them.
struct ServerParts {
  engine::Engine& engine;
  Clock& clock;
  SessionRegistry& registry;
  WorkPool& queries;
  WorkPool& ingest;
  WorkPool& sessions;
  InputBudget& input_budget;
  DecoderLimits decoder_limits;
  int64_t statement_timeout_ms = 0;
  std::atomic<bool>& stopping;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;

  static constexpr int64_t kStartupTimeoutUs = 30'000'000;

  Connection(Socket socket, ServerParts& parts);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From accept to the end; returns when the socket is closed.
  boost::asio::awaitable<void> Run();

  // Ends the connection with 57P01 as soon as no statement runs; half a message is none.
  void RequestStop();
  // Closes the socket whatever runs.
  void Close();
  // Looks after time limits and clients that have gone away; called now and then.
  void Check();

 private:
  template <typename T>
  using Awaitable = boost::asio::awaitable<T>;

  Awaitable<bool> StartUp();
  Awaitable<std::optional<StartupPacket>> ReadStartupPacket();
  Awaitable<bool> OpenSession(const StartupPacket& packet);
  void Welcome(const StartupRequest& request);
  Awaitable<void> Serve();
  Awaitable<bool> ReadMore(size_t wanted);
  Awaitable<bool> WriteOut();
  Awaitable<void> AwaitPending();
  // Runs `work` on `pool` and comes back to the strand.
  Awaitable<void> OnPool(WorkPool& pool, std::function<void()> work);
  Awaitable<ProtocolStep> AdvanceOnPool();
  void AdvanceNow();
  void TryWrite();
  void CheckIdle(int64_t now_us);
  bool MustEnd() const { return stop_requested_ || !idle_end_.ok(); }
  Awaitable<void> Refuse(const Status& status);

  Socket socket_;
  ServerParts& parts_;
  InputBuffer input_;
  // Replies that are on their way: written_ bytes of writing_ are out.
  std::string writing_;
  size_t written_ = 0;
  bool write_failed_ = false;
  std::shared_ptr<SessionEntry> entry_;
  std::unique_ptr<Protocol> protocol_;
  ProtocolStep step_ = ProtocolStep::kNeedInput;
  const int64_t accepted_us_;
  int64_t idle_since_us_ = 0;  // monotonic; 0: a statement runs
  int64_t busy_since_us_ = 0;
  bool started_ = false;
  bool stop_requested_ = false;
  Status idle_end_;            // why an idle connection is ended
  bool stop_in_copy_ = false;  // a COPY that waits for its client was stopped
};

}  // namespace varve::server::pg
