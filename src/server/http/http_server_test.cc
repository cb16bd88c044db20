#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <thread>

namespace varve::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpOptions options;
    options.readiness = [this] {
      return ready_ ? OkStatus() : Unavailable("replaying the \"log\"");
    };
    server_ = std::make_unique<HttpServer>(io_, options);
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

  std::string Get(const std::string& path, const std::string& header = "") {
    return Exchange("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header +
                    "\r\n");
  }

  std::atomic<bool> ready_{true};
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
  EXPECT_THAT(Get("/metrics", "Accept: application/json\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, WrongCallsGetDocumentedErrors) {
  EXPECT_THAT(Get("/nothing"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Exchange("POST /healthz HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Exchange("POST /healthz HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Exchange("\x01\x02\x03 garbage\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/healthz", "X: " + std::string(20000, 'x') + "\r\n"),
              StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, ATakenPortIsASentence) {
  HttpOptions options;
  options.port = port_;
  HttpServer second(io_, options);
  const Result<uint16_t> port = second.Start();
  ASSERT_FALSE(port.ok());
  EXPECT_THAT(std::string(MessageOf(port.status())), HasSubstr("cannot listen for HTTP"));
}

}  // namespace
}  // namespace varve::server
