// Speaks HTTP/1.1 with one client: reads requests one after the other, has them answered, and
// writes the answers in the order of the requests.
//
// Role:     socket -> [HttpConnection] -> HttpRouter's handlers -> socket.
// Limits:   http_limits.h. A request is read only after the answer before it was written, so that a
//           pipelining client is held by TCP.
// Errors:   400, 413, 415, 431, 501, 503 of its own; a damaged request ends the connection.
// Threads:  runs on its strand; Check, Close, waiting and Displace are safe.
#pragma once

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/core/work_pool.h"
#include "server/http/byte_budget.h"
#include "server/http/http_message.h"
#include "server/http/http_router.h"
#include "server/http/origin_guard.h"
#include "server/http/service_gate.h"

namespace varve::server {

// What an asynchronous call is given: it answers with its error instead of throwing it.
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

// What all connections share; outlives them.
struct HttpParts {
  const HttpRouter& router;
  const OriginGuard& guard;
  const ServiceGate& gate;
  WorkPool& queries;  // of SQL
  WorkPool& calls;    // of the other calls that block
  WorkPool& ingest;
  ByteBudget& bodies;
  ByteBudget& answers;
  Clock& clock;
  size_t body_bytes_max;
  // Each answer is its connection's last, and what waits for a thread is refused.
  const std::atomic<bool>& ending;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;

  HttpConnection(Socket socket, HttpParts& parts);

  // To the end of the connection.
  boost::asio::awaitable<void> Run();

  // Instead of Run: sends `text` if that can be done at once.
  void Refuse(std::string_view text);

  // To be called now and then: ends what takes too long, and stops the call of a client that left.
  void Check();
  // Ends the connection now, and stops the running call.
  void Close();
  // An answer is on its way to the client.
  bool is_sending() const { return sending_.load(); }

  // How long its client has left it without a whole header; nullopt: a request is being received or
  // answered.
  struct Waiting {
    bool has_served = false;  // requests before
    int64_t since_us = 0;     // monotonic
  };
  std::optional<Waiting> waiting() const;
  // Ends the connection, unless a request has come meanwhile.
  void Displace();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  boost::asio::awaitable<bool> ServeOne();
  // nullopt: the request is complete; else what to answer before the end. An answer of status 0:
  // the client has gone.
  boost::asio::awaitable<std::optional<HttpAnswer>> Read(Parser& parser);
  boost::asio::awaitable<std::optional<HttpAnswer>> CheckHeader(const Parser& parser);
  boost::asio::awaitable<HttpAnswer> Answer(HttpCallRef call);
  // What an answer's bytes are of the request that it answers.
  struct Terms {
    bool has_body = true;
    bool is_http_10 = false;
    bool keep_alive = false;
  };
  boost::asio::awaitable<bool> Write(Terms terms, HttpAnswer answer);
  boost::asio::awaitable<void> Linger();
  void Start(const HttpRoute& route, const HttpCallRef& call, const HttpReply& reply);
  void RunOnPool(const HttpRoute& route, const HttpCallRef& call, const HttpReply& reply);
  void SetDeadline(std::chrono::seconds from_now);
  // Puts the deadline off when enough has come since the last time.
  void NoteBody(size_t bytes);

  Socket socket_;
  HttpParts& parts_;
  // Of the request being read or answered, on the strand.
  boost::beast::flat_buffer buffer_;
  std::shared_ptr<ByteBudget::Charge> charge_;
  HttpCallRef call_;
  bool idle_ = true;
  bool end_requested_ = false;
  int64_t body_deadline_us_ = 0;  // of the whole body
  size_t body_bytes_ = 0;         // that had come when the deadline was set

  std::atomic<int64_t> deadline_us_{0};  // monotonic; 0: none, the call has limits of its own
  std::atomic<bool> answering_{false};
  std::atomic<bool> sending_{false};
  std::atomic<int64_t> waiting_since_us_{0};  // monotonic; 0: not waiting
  std::atomic<bool> has_served_{false};
  std::atomic<bool> displaced_{false};
};

}  // namespace varve::server
