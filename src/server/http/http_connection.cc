#include "server/http/http_connection.h"

#include <absl/strings/match.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "base/check.h"
#include "server/http/accept.h"
#include "server/http/answer_text.h"
#include "server/http/body_encoding.h"
#include "server/http/http_limits.h"

namespace varve::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr size_t kReadBytes = size_t{16} << 10;
constexpr size_t kReadBodyBytes = size_t{128} << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// The client has gone, or is to go: nobody to answer.
HttpAnswer Nobody() {
  HttpAnswer answer;
  answer.status = 0;
  return answer;
}

HttpAnswer AnswerWithoutStorage() { return RetryAnswer(503, "the server is starting or stopping"); }

HttpAnswer AnswerToBadRequest(const error_code& error) {
  if (error == http::error::body_limit) return DetailAnswer(413, "the request body is too large");
  if (error == http::error::header_limit) return DetailAnswer(431, "the header is too large");
  return DetailAnswer(400, fmt::format("malformed HTTP request: {}", error.message()));
}

HttpAnswer AnswerToBadBody(DecodeOutcome outcome, std::string_view encoding) {
  switch (outcome) {
    case DecodeOutcome::kUnknownEncoding:
      return DetailAnswer(
                 415,
                 fmt::format("content-encoding \"{}\" is none of gzip, deflate, zstd, identity",
                             encoding))
          .With("Accept-Encoding", "gzip, deflate, zstd");
    case DecodeOutcome::kTooLarge:
      return DetailAnswer(413, "the decoded request body is too large");
    case DecodeOutcome::kNoMemory:
      return RetryAnswer(503, "out of memory");
    default:
      return DetailAnswer(400, fmt::format("the body is no sound {}", encoding));
  }
}

// Whoever passes requests on must see the same end of each as we do: what RFC 9112, 6.1 and 6.3,
// leaves to the reader is refused.
std::optional<HttpAnswer> CheckTransferEncoding(const http::request_header<>& request) {
  if (request.count(http::field::transfer_encoding) == 0) return std::nullopt;
  if (request.version() != 11) {
    return DetailAnswer(400, "HTTP/1.0 has no transfer-encoding");
  }
  if (request.count(http::field::content_length) > 0) {
    return DetailAnswer(400, "a request has not both content-length and transfer-encoding");
  }
  const auto coding = request[http::field::transfer_encoding];
  if (request.count(http::field::transfer_encoding) > 1 ||
      !absl::EqualsIgnoreCase({coding.data(), coding.size()}, "chunked")) {
    return DetailAnswer(501, "the only transfer-encoding here is chunked");
  }
  return std::nullopt;
}

// Takes the encoding off the body; what to answer when that cannot be.
std::optional<HttpAnswer> Decode(HttpCall& call, size_t bytes_max) {
  const std::string_view encoding = call.Field(HttpField::content_encoding);
  if (encoding.empty() || call.body.empty()) return std::nullopt;
  const DecodeOutcome outcome = DecodeBody(encoding, bytes_max, call.body);
  if (outcome == DecodeOutcome::kOk) return std::nullopt;
  return AnswerToBadBody(outcome, encoding);
}

void Compress(const HttpCall& call, HttpAnswer& answer) {
  if (answer.body.size() < kGzipBytesMin) return;
  for (const auto& [name, value] : answer.fields) {
    if (absl::EqualsIgnoreCase(name, "Content-Encoding")) return;
  }
  answer.With("Vary", "Accept-Encoding");
  if (!AcceptsGzip(call.Field(HttpField::accept_encoding))) return;
  std::optional<std::string> zipped = Gzip(answer.body);
  if (!zipped) return;  // without memory it goes as it is
  answer.body = *std::move(zipped);
  answer.With("Content-Encoding", "gzip");
}

// A handler's own mistakes, and what libraries throw, must cost no more than its call.
template <typename Handler>
void Guarded(const HttpReply& reply, const Handler& handler) {
  try {
    handler();
  } catch (const std::bad_alloc&) {
    reply(RetryAnswer(503, "out of memory"));
  } catch (const std::exception& error) {
    reply(StatusAnswer(Internal("a call threw: {}", error.what())));
  }
}

}  // namespace

HttpConnection::HttpConnection(Socket socket, HttpParts& parts)
    : socket_(std::move(socket)), parts_(parts) {
  error_code ignored;  // A peer that has gone already is noticed by the first read.
  waiting_since_us_ = parts_.clock.MonotonicUs();
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void HttpConnection::SetDeadline(std::chrono::seconds from_now) {
  deadline_us_ = parts_.clock.MonotonicUs() +
                 std::chrono::duration_cast<std::chrono::microseconds>(from_now).count();
}

void HttpConnection::NoteBody(size_t bytes) {
  if (bytes < body_bytes_ + kBodyPieceBytesMin) return;
  body_bytes_ = bytes;
  SetDeadline(kBodyPieceTimeout);
  deadline_us_ = std::min(deadline_us_.load(), body_deadline_us_);
}

asio::awaitable<void> HttpConnection::Run() {
  const auto self = shared_from_this();
  while (co_await ServeOne()) {
  }
  co_await Linger();
}

asio::awaitable<bool> HttpConnection::ServeOne() {
  Parser parser;
  parser.eager(true);
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(parts_.body_bytes_max);
  charge_ = std::make_shared<ByteBudget::Charge>(parts_.bodies);
  const std::optional<HttpAnswer> refused = co_await Read(parser);
  if (refused && refused->status == 0) co_return false;
  if (refused) {
    charge_ = nullptr;
    const Terms last{.keep_alive = false};
    co_return co_await Write(last, *refused);
  }

  auto call = std::make_shared<HttpCall>();
  auto& request = parser.get();
  const Terms terms{.has_body = request.method() != HttpVerb::head,
                    .is_http_10 = request.version() == 10,
                    .keep_alive = request.keep_alive()};
  call->verb = request.method();
  const std::string_view target(request.target().data(), request.target().size());
  const size_t mark = std::min(target.find('?'), target.size());
  call->path = target.substr(0, mark);
  call->query = target.substr(std::min(mark + 1, target.size()));
  call->body = std::move(request.body());
  call->header = std::move(request.base());
  call->held = charge_;
  charge_ = nullptr;

  call_ = call;
  answering_ = true;
  deadline_us_ = 0;
  HttpAnswer answer = co_await Answer(call);
  sending_ = true;
  answering_ = false;
  call_ = nullptr;
  call->OnDisconnect(nullptr);
  parts_.guard.Mark(*call, answer);
  // With its body and its hold on storage: a client may read for a long time.
  call = nullptr;
  co_return co_await Write(terms, std::move(answer));
}

asio::awaitable<std::optional<HttpAnswer>> HttpConnection::Read(Parser& parser) {
  idle_ = buffer_.size() == 0;
  SetDeadline(idle_ ? kIdleTimeout : kHeaderTimeout);
  waiting_since_us_ = parts_.clock.MonotonicUs();
  bool header_checked = false;
  for (;;) {
    while (buffer_.size() > 0) {
      error_code error;
      const size_t used = parser.put(buffer_.data(), error);
      buffer_.consume(used);
      if (error && error != http::error::need_more) co_return AnswerToBadRequest(error);
      if (parser.is_header_done() && !std::exchange(header_checked, true)) {
        if (auto refused = co_await CheckHeader(parser)) co_return refused;
      }
      const size_t bytes = parser.get().body().size();
      if (!charge_->RaiseTo(bytes)) {
        co_return RetryAnswer(503, "too many bytes of requests are being received");
      }
      if (header_checked) NoteBody(bytes);
      if (parser.is_done()) co_return std::nullopt;
      if (error || used == 0) break;
    }
    const size_t room = header_checked ? kReadBodyBytes : kReadBytes;
    auto [error, bytes] = co_await socket_.async_read_some(buffer_.prepare(room), kAwait);
    if (error) co_return Nobody();
    buffer_.commit(bytes);
    if (std::exchange(idle_, false)) SetDeadline(kHeaderTimeout);
  }
}

asio::awaitable<std::optional<HttpAnswer>> HttpConnection::CheckHeader(const Parser& parser) {
  const auto& request = parser.get();
  if (request.version() == 11 && request.count(http::field::host) != 1) {
    co_return DetailAnswer(400, "a request has exactly one Host");
  }
  if (request.version() != 11 && request.version() != 10) {
    co_return DetailAnswer(505, "the HTTP version is none of 1.0 and 1.1");
  }
  if (auto refused = CheckTransferEncoding(request)) co_return refused;
  waiting_since_us_ = 0;
  if (parser.is_done()) co_return std::nullopt;
  SetDeadline(kBodyTimeout);
  body_deadline_us_ = deadline_us_;
  body_bytes_ = 0;
  SetDeadline(kBodyPieceTimeout);
  const auto expect = request[http::field::expect];
  if (!expect.empty() && absl::EqualsIgnoreCase({expect.data(), expect.size()}, "100-continue")) {
    auto [error, bytes] = co_await asio::async_write(socket_, asio::buffer(kContinue), kAwait);
    if (error) co_return Nobody();
  }
  co_return std::nullopt;
}

asio::awaitable<HttpAnswer> HttpConnection::Answer(HttpCallRef call) {
  if (auto refused = parts_.guard.Check(*call)) co_return *std::move(refused);
  HttpRouter::Match match = parts_.router.Find(call->verb, call->path);
  if (match.allowed.empty()) co_return DetailAnswer(404, "no such call");
  if (auto preflight = parts_.guard.Preflight(*call, match.allowed)) co_return *preflight;
  if (match.route == nullptr) {
    HttpAnswer answer;
    if (call->verb == HttpVerb::options) {
      answer.status = 204;
    } else {
      answer = DetailAnswer(405, fmt::format("this call takes {}", match.allowed));
    }
    co_return std::move(answer.With("Allow", std::string(match.allowed)));
  }
  if (match.bad_escape) co_return DetailAnswer(400, "the path has a bad percent escape");
  call->captured = std::move(match.captured);
  if (match.route->early) {
    if (auto early = match.route->early(*call)) co_return *std::move(early);
  }
  if (match.route->needs_services) {
    call->services = parts_.gate.Enter();
    if (call->services == nullptr) {
      co_return AnswerWithoutStorage();
    }
  }
  const auto slot = std::make_shared<AnswerSlot>();
  Start(*match.route, call, HttpReply(slot));
  if (!slot->answered()) {
    const auto initiate = [slot, executor = socket_.get_executor()](auto handler) {
      const auto held = std::make_shared<decltype(handler)>(std::move(handler));
      slot->OnAnswer([held, executor] { asio::post(executor, [held] { std::move (*held)(); }); });
    };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(initiate,
                                                                         asio::use_awaitable);
  }
  co_return slot->Take();
}

void HttpConnection::Start(const HttpRoute& route, const HttpCallRef& call,
                           const HttpReply& reply) {
  const bool is_small = route.async != nullptr && call->body.size() <= kInlineBodyBytesMax &&
                        call->Field(HttpField::content_encoding).empty();
  bool is_done = false;
  if (is_small) {
    Guarded(reply, [&] {
      is_done = true;  // also when it throws
      is_done = route.async(call, reply, MayWait::kNo);
    });
  }
  if (!is_done) RunOnPool(route, call, reply);
}

void HttpConnection::RunOnPool(const HttpRoute& route, const HttpCallRef& call,
                               const HttpReply& reply) {
  const size_t bytes_max = parts_.body_bytes_max;
  const bool is_blocking = route.blocking != nullptr;
  WorkPool& pool = !is_blocking ? parts_.ingest : route.is_query ? parts_.queries : parts_.calls;
  const std::atomic<bool>& ending = parts_.ending;
  // Departs from the table of errors: who writes remotely would drop what is answered 429.
  if (const Status admitted = pool.Admit(); !admitted.ok()) {
    return reply(RetryAnswer(503, MessageOf(admitted)));
  }
  // Holds the call, and by it storage, until the handler returns: that may be after its answer.
  pool.Run([&route, &ending, call, reply, bytes_max, is_blocking] {
    Guarded(reply, [&] {
      if (ending.load()) return reply(AnswerWithoutStorage());
      if (auto refused = Decode(*call, bytes_max)) return reply(*std::move(refused));
      if (!call->held->RaiseTo(call->body.size())) {
        return reply(RetryAnswer(503, "too many bytes of requests are being answered"));
      }
      if (!is_blocking) {
        VARVE_CHECK(route.async(call, reply, MayWait::kYes));
        return;
      }
      HttpAnswer answer = AnswerOf(route.blocking(*call));
      Compress(*call, answer);
      reply(std::move(answer));
    });
  });
}

asio::awaitable<bool> HttpConnection::Write(Terms terms, HttpAnswer answer) {
  ByteBudget::Charge charge(parts_.answers);
  if (answer.body.size() > kAnswerBytesCounted && !charge.RaiseTo(answer.body.size())) {
    answer = RetryAnswer(503, "too many bytes of answers are being sent");
  }
  const bool keep_alive = terms.keep_alive && !end_requested_ && !parts_.ending.load();
  const std::string head =
      HeadOfAnswer(answer, {parts_.clock.NowUs(), terms.is_http_10, keep_alive});
  CountAnswer(answer.status);
  const bool has_body = terms.has_body && answer.status != 204;
  const std::array<asio::const_buffer, 2> pieces = {
      asio::buffer(head), has_body ? asio::buffer(answer.body) : asio::const_buffer()};
  SetDeadline(kWriteTimeout + std::chrono::seconds(static_cast<int64_t>(answer.body.size()) /
                                                   kWriteBytesPerSecondMin));
  auto [error, bytes] = co_await asio::async_write(socket_, pieces, kAwait);
  sending_ = false;
  has_served_ = true;
  co_return !error && keep_alive;
}

// A client that still sends must not lose the answer to a reset: take in what comes, for a while.
asio::awaitable<void> HttpConnection::Linger() {
  error_code ignored;  // The peer may have closed first.
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  SetDeadline(kLingerTimeout);
  buffer_.clear();
  std::array<char, 4096> dropped{};
  for (size_t total = 0; total < kLingerBytesMax;) {
    auto [error, bytes] = co_await socket_.async_read_some(asio::buffer(dropped), kAwait);
    if (error) break;
    total += bytes;
  }
  socket_.close(ignored);
}

void HttpConnection::Refuse(std::string_view text) {
  error_code ignored;
  socket_.send(asio::buffer(text), 0, ignored);
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void HttpConnection::Check() {
  const int64_t deadline_us = deadline_us_.load();
  const bool is_late = deadline_us != 0 && parts_.clock.MonotonicUs() > deadline_us;
  if (!is_late && !answering_.load()) return;
  asio::post(socket_.get_executor(), [weak = weak_from_this(), deadline_us, is_late] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    error_code error;
    if (is_late && self->deadline_us_.load() == deadline_us) {
      self->socket_.close(error);
      return;
    }
    if (self->call_ == nullptr) return;
    char byte = 0;
    const size_t n =
        self->socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
    const bool waiting = error == asio::error::would_block || error == asio::error::try_again;
    // n == 0: it will send no more. Nearly always it was closed, and its call is for nobody; who
    // only shuts down its sending side is taken for gone as well, which the guide says.
    if (!waiting && (error || n == 0)) self->call_->NoteDisconnect();
  });
}

std::optional<HttpConnection::Waiting> HttpConnection::waiting() const {
  const int64_t since_us = waiting_since_us_.load();
  if (since_us == 0 || displaced_.load()) return std::nullopt;
  return Waiting{has_served_.load(), since_us};
}

void HttpConnection::Displace() {
  displaced_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->waiting_since_us_.load() == 0) {
      self->displaced_ = false;
      return;
    }
    self->end_requested_ = true;
    error_code ignored;
    self->socket_.close(ignored);
  });
}

void HttpConnection::Close() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->end_requested_ = true;
    error_code ignored;
    self->socket_.close(ignored);
    if (self->call_ != nullptr) self->call_->NoteDisconnect();
  });
}

}  // namespace varve::server
