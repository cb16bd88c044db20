#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "base/telemetry.h"
#include "ingest/ring_writer.h"
#include "server/http/http_limits.h"

namespace varve::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Time that passes when the test says so: what is due in a second must not come by itself.
class SteppedClock : public Clock {
 public:
  int64_t NowUs() const override { return Clock::System().NowUs(); }
  int64_t MonotonicUs() const override { return now_us_; }
  void Pass(std::chrono::microseconds time) { now_us_ += time.count(); }

 private:
  std::atomic<int64_t> now_us_{1};
};

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.readiness = [this] {
      return ready_ ? OkStatus() : Unavailable("replaying the \"log\"");
    };
    server_ = std::make_unique<HttpServer>(io_, options_, clock_);
    const Result<uint16_t> port = server_->Start();
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *port;
    thread_ = std::thread([this] { io_.run(); });
  }

  void TearDown() override {
    server_->Stop();
    io_.stop();
    thread_.join();
  }

  // Sends raw bytes and returns all that comes back until the server closes.
  std::string Exchange(const std::string& request) {
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port_});
    boost::asio::write(socket, boost::asio::buffer(request));
    boost::system::error_code end_of_file;
    std::string answer;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end_of_file);
    return answer;
  }

  // A connection on which `bytes` were sent.
  boost::asio::ip::tcp::socket Sent(const std::string& bytes) {
    boost::asio::ip::tcp::socket socket(client_io_);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port_});
    boost::asio::write(socket, boost::asio::buffer(bytes));
    return socket;
  }
  // All that comes until the server closes.
  static std::string Rest(boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code end_of_file;
    std::string answer;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end_of_file);
    return answer;
  }

  std::string Get(const std::string& path, const std::string& header = "") {
    return Exchange("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                    header + "\r\n");
  }

  static constexpr const char* kAnnounced =
      "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554432\r\n\r\n";

  HttpOptions options_;
  std::atomic<bool> ready_{true};
  SteppedClock clock_;
  boost::asio::io_context client_io_;
  boost::asio::io_context io_;
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(HttpServerTest, HealthAndReadiness) {
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 200"));
  ready_ = false;
  EXPECT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
  const std::string answer = Get("/readyz?x=1");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(answer, HasSubstr(R"({"detail":"replaying the \"log\""})"));
}

TEST_F(HttpServerTest, TelemetryIsPrometheusText) {
  const std::string answer = Get("/metrics", "Accept: text/plain\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
}

TEST_F(HttpServerTest, WrongCallsGetDocumentedErrors) {
  EXPECT_THAT(Get("/nothing"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Exchange("POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: "
                       "close\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(
      Exchange("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"),
      StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Exchange("\x01\x02\x03 garbage\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/healthz", "X: " + std::string(20000, 'x') + "\r\n"),
              StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, OnlyChunkedIsATransferEncoding) {
  const auto status = [this](const std::string& version, const std::string& fields) {
    // What would be taken for a second request, were the body not read as one.
    const std::string answer = Exchange(
        "POST /healthz HTTP/" + version + "\r\nHost: localhost\r\n" + fields +
        "\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return answer.substr(9, 3) + (answer.find("HTTP/1.1", 9) == std::string::npos ? "" : " twice");
  };
  EXPECT_EQ(status("1.1", "Transfer-Encoding: chunked"), "405 twice");
  EXPECT_EQ(status("1.1", "Transfer-Encoding: Chunked \t"), "405 twice");
  for (const char* coding : {"identity", "xchunked", "gzip, chunked", "chunked, chunked",
                             "chunked;a=b", "gzip", "gzip\r\nTransfer-Encoding: chunked"}) {
    const std::string field = std::string("Transfer-Encoding: ") + coding;
    EXPECT_EQ(status("1.1", field), "501") << coding;
  }
  EXPECT_EQ(status("1.1", "Transfer-Encoding: xchunked\r\nContent-Length: 5"), "400");
  EXPECT_EQ(status("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5"), "400");
  EXPECT_EQ(status("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), "400");
  EXPECT_EQ(status("1.0", "Transfer-Encoding: chunked"), "400");
}

TEST_F(HttpServerTest, WhatIsOnlyAnnouncedTakesNoPlace) {
  std::vector<boost::asio::ip::tcp::socket> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(Sent(kAnnounced));
  const std::string body(100'000, 'x');
  EXPECT_THAT(Exchange("POST /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                       "Content-Length: 100000\r\n\r\n" +
                       body),
              StartsWith("HTTP/1.1 405"));
}

TEST_F(HttpServerTest, ABodyMustGoOnComing) {
  auto silent = Sent(kAnnounced);
  auto slow = Sent(kAnnounced);
  auto quick = Sent(kAnnounced);
  const std::string piece(kBodyPieceBytesMin, 'x');
  size_t sent = 0;
  const auto send = [&sent, &piece](auto& socket, size_t bytes) {
    sent += boost::asio::write(socket, boost::asio::buffer(piece.data(), bytes));
  };
  // The server must have read what was sent before time passes.
  const auto pass = [&](std::chrono::seconds time) {
    const std::string wanted = fmt::format("\nvarve_http_body_bytes {}\n", sent);
    while (Get("/metrics", "Accept: text/plain\r\n").find(wanted) == std::string::npos) {
    }
    clock_.Pass(time);
  };
  send(silent, 1);
  send(slow, piece.size() / 2);
  send(quick, piece.size());
  pass(kBodyPieceTimeout - std::chrono::seconds(1));
  send(slow, piece.size() / 4);  // less than a piece still
  send(quick, piece.size());
  pass(std::chrono::seconds(2));
  EXPECT_EQ(Rest(silent), "");
  EXPECT_EQ(Rest(slow), "");
  // Also one that keeps its pace has a last moment.
  sent = 2 * piece.size();
  std::chrono::seconds passed = kBodyPieceTimeout + std::chrono::seconds(1);
  for (; passed < kBodyTimeout; passed += kBodyPieceTimeout - std::chrono::seconds(1)) {
    send(quick, piece.size());
    pass(kBodyPieceTimeout - std::chrono::seconds(1));
  }
  EXPECT_EQ(Rest(quick), "");
}

// With few connections allowed.
class FewConnectionsTest : public HttpServerTest {
 protected:
  FewConnectionsTest() { options_.connections_max = 4; }

  // On a connection that is kept.
  boost::asio::ip::tcp::socket Served() {
    auto socket = Sent("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::string answer;
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "{\"status\":\"ok\"}");
    return socket;
  }
  // The server must have taken in what was sent before time passes.
  void Pass(double connections, std::chrono::milliseconds time) {
    const std::string wanted = fmt::format("\nvarve_http_connections {}\n", connections);
    while (Telemetry::Get().PrometheusText().find(wanted) == std::string::npos) {
    }
    clock_.Pass(time);
  }
};

TEST_F(FewConnectionsTest, TheOldestThatSentNothingMakesRoom) {
  auto served = Served();
  std::vector<boost::asio::ip::tcp::socket> silent;
  for (int i = 0; i < 3; ++i) {
    silent.push_back(Sent(i == 0 ? "GET /healthz HTTP/1.1\r\n" : ""));
    Pass(2 + i, std::chrono::milliseconds(1));
  }
  EXPECT_THAT(Get("/healthz"), HasSubstr("too many connections"));
  clock_.Pass(kDisplaceUnservedAfter);
  ASSERT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(Rest(silent[0]), "");
  // The others were left alone.
  boost::asio::write(
      silent[1], boost::asio::buffer(
                     std::string("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
  EXPECT_THAT(Rest(silent[1]), StartsWith("HTTP/1.1 403"));
}

TEST_F(FewConnectionsTest, TheLongestIdleMakesRoom) {
  std::vector<boost::asio::ip::tcp::socket> idle;
  for (int i = 0; i < 4; ++i) {
    idle.push_back(Served());
    Pass(1 + i, std::chrono::milliseconds(1));
  }
  clock_.Pass(kDisplaceUnservedAfter);
  EXPECT_THAT(Get("/healthz"), HasSubstr("too many connections"));
  clock_.Pass(kDisplaceIdleAfter);
  ASSERT_THAT(Get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(Rest(idle[0]), "");
}

TEST_F(FewConnectionsTest, WhoIsBeingAnsweredKeepsTheConnection) {
  std::vector<boost::asio::ip::tcp::socket> sending;
  for (int i = 0; i < 4; ++i) {
    sending.push_back(Sent(kAnnounced));
    boost::asio::write(sending.back(), boost::asio::buffer("x", 1));
  }
  while (Telemetry::Get().PrometheusText().find("\nvarve_http_body_bytes 4\n") ==
         std::string::npos) {
  }
  clock_.Pass(kDisplaceUnservedAfter);
  EXPECT_THAT(Get("/healthz"), HasSubstr("too many connections"));
}

// Would have to wait, and says so.
class WaitingWriter : public ingest::RingWriter {
 public:
  void WriteAsync(std::span<const ingest::SampleInput>,
                  std::function<void(Result<ingest::RingWritten>)> done) override {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    thread_name = name.data();
    ingest::RingWritten written;
    written.metrics.emplace_back(7u);
    done(written);
  }
  bool TryWriteAsync(std::span<const ingest::SampleInput>,
                     std::function<void(Result<ingest::RingWritten>)>) override {
    ++tries;
    return false;
  }
  Status Drop(ring::MetricId) override { return OkStatus(); }
  Status Reshape(ring::MetricId, ring::RingShape) override { return OkStatus(); }

  std::atomic<int> tries{0};
  std::string thread_name;
};

TEST_F(HttpServerTest, AWriteThatWouldWaitGoesToThePool) {
  WaitingWriter writer;
  // Attach wants all of them; this call asks the writer only.
  std::byte unused{};
  HttpServices services;
  services.engine = reinterpret_cast<engine::Engine*>(&unused);
  services.rings = reinterpret_cast<ring::RingStore*>(&unused);
  services.dashboards = reinterpret_cast<catalog::Dashboards*>(&unused);
  services.writer = &writer;
  server_->Attach(services);
  const std::string body = R"({"name":"x","ts":1,"value":2})";
  EXPECT_THAT(Exchange("POST /ingest/gauge HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                       fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body)),
              HasSubstr(R"("metric_id":7)"));
  ASSERT_TRUE(server_->EndCalls(std::chrono::seconds(60)));
  EXPECT_EQ(writer.tries, 1);
  EXPECT_EQ(writer.thread_name, "http-ingest");
}

TEST_F(HttpServerTest, OpenMetricsForWhoWantsThem) {
  Get("/healthz");  // so that there is an answer to count
  const std::string answer = Get("/metrics", "Accept: application/openmetrics-text\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0"));
  EXPECT_THAT(answer, HasSubstr("# TYPE varve_http_answers counter\n"));
  EXPECT_THAT(answer, HasSubstr("\nvarve_http_answers_total{code=\"2xx\"} "));
  EXPECT_TRUE(answer.ends_with("\n# EOF\n"));
}

TEST_F(HttpServerTest, ATakenPortIsASentence) {
  HttpOptions options;
  options.port = port_;
  HttpServer second(io_, options);
  const Result<uint16_t> port = second.Start();
  ASSERT_FALSE(port.ok());
  EXPECT_THAT(std::string(MessageOf(port.status())), HasSubstr("cannot listen for HTTP"));
}

TEST(HttpServerDeathTest, AServiceThatIsNotWiredEndsTheStart) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  boost::asio::io_context io;
  HttpServer server(io, HttpOptions());
  EXPECT_DEATH(server.Attach({}), "services.engine");
}

}  // namespace
}  // namespace varve::server
