#include "server/http/http_server.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "server/http/http_router.h"

namespace varve::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  Impl(asio::io_context& io, HttpOptions options)
      : io_(io), options_(std::move(options)), acceptor_(io) {}

  Result<uint16_t> Start() {
    beast::error_code error;
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
    asio::co_spawn(io_, Accept(shared_from_this()), asio::detached);
    return acceptor_.local_endpoint().port();
  }

  void Stop() {
    asio::post(io_, [self = shared_from_this()] {
      beast::error_code ignored;  // Closing a closed acceptor is what we want anyway.
      self->acceptor_.close(ignored);
    });
  }

 private:
  // `self` keeps the object alive for as long as the coroutine runs.
  static asio::awaitable<void> Accept(std::shared_ptr<Impl> self) {
    while (self->acceptor_.is_open()) {
      auto [error, socket] =
          co_await self->acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
      if (error == asio::error::operation_aborted) co_return;
      if (error) continue;  // The peer went away before we took it, or no file descriptor is left.
      if (self->connections_.fetch_add(1) >= kConnectionsMax) {
        self->connections_.fetch_sub(1);
        continue;  // The socket closes here: an overloaded probe shall see it at once.
      }
      asio::co_spawn(self->io_, Serve(self, std::move(socket)), asio::detached);
    }
  }

  static asio::awaitable<void> Serve(std::shared_ptr<Impl> self, tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    bool keep_alive = true;
    while (keep_alive) keep_alive = co_await ServeOne(*self, stream, buffer);
    beast::error_code ignored;  // The peer may have closed first.
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    self->connections_.fetch_sub(1);
  }

  // Reads one request and answers it; false when the connection shall end.
  static asio::awaitable<bool> ServeOne(Impl& self, beast::tcp_stream& stream,
                                        beast::flat_buffer& buffer) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kBodyBytesMax);
    stream.expires_after(kIdleTimeout);
    auto [read_error, read_bytes] =
        co_await http::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
    HttpResponse response;
    if (!read_error) {
      response = Route(parser.get(), self.options_.readiness);
    } else if (read_error == http::error::body_limit) {
      response = JsonError({}, http::status::payload_too_large, "request body too large");
      response.keep_alive(false);
    } else if (read_error == http::error::header_limit) {
      response = JsonError({}, http::status::request_header_fields_too_large, "header too large");
      response.keep_alive(false);
    } else if (read_error.category() == http::make_error_code(http::error::bad_method).category() &&
               read_error != http::error::end_of_stream &&
               read_error != http::error::partial_message) {
      response = JsonError({}, http::status::bad_request, "malformed HTTP request");
      response.keep_alive(false);
    } else {
      co_return false;
    }
    stream.expires_after(kIdleTimeout);
    auto [write_error, written] =
        co_await http::async_write(stream, response, asio::as_tuple(asio::use_awaitable));
    co_return !write_error && response.keep_alive();
  }

  asio::io_context& io_;
  const HttpOptions options_;
  tcp::acceptor acceptor_;
  std::atomic<int> connections_{0};
};

HttpServer::HttpServer(asio::io_context& io, HttpOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}

HttpServer::~HttpServer() = default;

Result<uint16_t> HttpServer::Start() { return impl_->Start(); }

void HttpServer::Stop() { impl_->Stop(); }

}  // namespace varve::server
