#include "io/testing/scripted_server.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace varve::io::testing {
namespace {

bool SendAll(int connection, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(connection, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Adds what comes next to `buffered`; false at the end.
bool Receive(int connection, std::string& buffered) {
  char piece[64 << 10];
  const ssize_t got = ::recv(connection, piece, sizeof(piece), 0);
  if (got <= 0) return false;
  buffered.append(piece, static_cast<size_t>(got));
  return true;
}

void ReadHead(std::string_view head, ScriptedRequest& request) {
  const std::string_view first = head.substr(0, head.find("\r\n"));
  const size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
  for (size_t begin = first.size() + 2; begin < head.size();) {
    const size_t end = std::min(head.find("\r\n", begin), head.size());
    const std::string_view line = head.substr(begin, end - begin);
    const size_t colon = std::min(line.find(':'), line.size() - 1);
    std::string name(line.substr(0, colon));
    absl::AsciiStrToLower(&name);
    std::string value(line.substr(colon + 1));
    absl::StripAsciiWhitespace(&value);
    request.headers[name] = value;
    begin = end + 2;
  }
}

}  // namespace

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  VARVE_CHECK(listener_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  VARVE_CHECK(::bind(listener_, generic, size) == 0);
  VARVE_CHECK(::listen(listener_, SOMAXCONN) == 0);
  VARVE_CHECK(::getsockname(listener_, generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  std::vector<std::thread> serving;
  {
    MutexLock lock(mu_);
    ended_ = true;
    for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
  }
  changed_.NotifyAll();
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    MutexLock lock(mu_);
    serving.swap(serving_);
  }
  for (std::thread& thread : serving) thread.join();
  ::close(listener_);
}

std::string ScriptedServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<ScriptedRequest> ScriptedServer::requests() const {
  MutexLock lock(mu_);
  return requests_;
}

size_t ScriptedServer::connections() const {
  MutexLock lock(mu_);
  return serving_.size();
}

void ScriptedServer::Accept() {
  while (true) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    MutexLock lock(mu_);
    if (ended_) {
      if (connection >= 0) ::close(connection);
      return;
    }
    if (connection < 0) continue;
    open_.push_back(connection);
    serving_.emplace_back([this, connection] { Serve(connection); });
  }
}

bool ScriptedServer::ReadRequest(int connection, std::string& buffered, ScriptedRequest& request) {
  while (buffered.find("\r\n\r\n") == std::string::npos) {
    if (!Receive(connection, buffered)) return false;
  }
  const size_t head = buffered.find("\r\n\r\n");
  ReadHead(std::string_view(buffered).substr(0, head), request);
  buffered.erase(0, head + 4);
  uint64_t body_bytes = 0;
  const auto length = request.headers.find("content-length");
  if (length != request.headers.end()) {
    VARVE_CHECK(absl::SimpleAtoi(length->second, &body_bytes));
  }
  while (buffered.size() < body_bytes) {
    if (!Receive(connection, buffered)) return false;
  }
  request.body = buffered.substr(0, body_bytes);
  buffered.erase(0, body_bytes);
  return true;
}

void ScriptedServer::WaitForEnd() {
  MutexLock lock(mu_);
  changed_.Wait(mu_, [this]() VARVE_REQUIRES(mu_) { return ended_; });
}

void ScriptedServer::Serve(int connection) {
  using Fault = ScriptedReply::Fault;
  std::string buffered;
  while (true) {
    ScriptedRequest request;
    if (!ReadRequest(connection, buffered, request)) break;
    {
      MutexLock lock(mu_);
      requests_.push_back(request);
    }
    const ScriptedReply reply = handler_(request);
    if (reply.fault == Fault::kNeverAnswer) WaitForEnd();
    if (reply.fault == Fault::kNeverAnswer || reply.fault == Fault::kCloseWithoutAnswer) break;
    std::string answer = fmt::format("HTTP/1.1 {} Scripted\r\n", reply.status);
    bool has_length = false;
    for (const auto& [name, value] : reply.headers) {
      answer += fmt::format("{}: {}\r\n", name, value);
      has_length |= name == "Content-Length";
    }
    if (!has_length) answer += fmt::format("Content-Length: {}\r\n", reply.body.size());
    if (reply.fault == Fault::kCutHead) {
      SendAll(connection, answer.substr(0, answer.size() - 3));
      break;
    }
    answer += "\r\n";
    const bool cut = reply.fault == Fault::kCutBody;
    if (request.method != "HEAD") answer += reply.body.substr(0, reply.body.size() / (cut ? 2 : 1));
    if (!SendAll(connection, answer) || cut) break;
  }
  MutexLock lock(mu_);
  std::erase(open_, connection);
  ::close(connection);
}

}  // namespace varve::io::testing
