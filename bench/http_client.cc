#include "http_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace varve::bench {

HttpClient::HttpClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect");
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

HttpClient::~HttpClient() { ::close(socket_); }

std::string HttpClient::Post(std::string_view path, std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      path, body.size(), body);
}

std::string HttpClient::Get(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
}

void HttpClient::Send(std::string_view request) {
  while (!request.empty()) {
    const ssize_t sent = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the server closed the connection");
    request.remove_prefix(static_cast<size_t>(sent));
  }
}

std::string HttpClient::Receive() {
  constexpr std::string_view kLength = "Content-Length: ";
  for (;;) {
    const size_t head = input_.find("\r\n\r\n");
    if (head != std::string::npos) {
      const size_t at = input_.find(kLength);
      if (at > head) throw std::runtime_error("an answer without its length");
      const size_t length = std::stoull(input_.substr(at + kLength.size(), 20));
      if (input_.size() >= head + 4 + length) {
        if (input_.compare(0, 12, "HTTP/1.1 200") != 0) throw std::runtime_error(input_);
        std::string body = input_.substr(head + 4, length);
        input_.erase(0, head + 4 + length);
        return body;
      }
    }
    char piece[65536];
    const ssize_t got = ::recv(socket_, piece, sizeof(piece), 0);
    if (got <= 0) throw std::runtime_error("the server closed the connection");
    input_.append(piece, static_cast<size_t>(got));
  }
}

}  // namespace varve::bench
