// Speaks HTTP/1.1 over connections that are kept, as an agent does.
//
// Errors:   std::runtime_error for anything but the status 200.
// Threads:  single owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace varve::bench {

class HttpClient {
 public:
  explicit HttpClient(uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The whole request, head and body.
  static std::string Post(std::string_view path, std::string_view body);
  static std::string Get(std::string_view path);

  void Send(std::string_view request);
  // The body; waits for it.
  std::string Receive();
  std::string Call(std::string_view request) {
    Send(request);
    return Receive();
  }

  int socket() const { return socket_; }

 private:
  int socket_ = -1;
  std::string input_;
};

}  // namespace varve::bench
