// Serves HTTP on a free loopback port as a test's own function says, faults included.
//
// Role:     tests of io/http, io/s3, io/dynamodb -> [ScriptedServer] <- the client under test.
// Threads:  safe. Each connection has a thread; the function is called by several at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace varve::io::testing {

struct ScriptedRequest {
  std::string method;
  std::string target;                            // path and query as sent
  std::map<std::string, std::string> headers{};  // names in lower case
  std::string body{};
};

struct ScriptedReply {
  enum class Fault {
    kNone,
    kCloseWithoutAnswer,  // the whole request was read
    kCutHead,             // within a header
    kCutBody,             // half of the body, then the connection ends
    kNeverAnswer,         // until the server ends
  };
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  Fault fault = Fault::kNone;
};

class ScriptedServer {
 public:
  using Handler = std::function<ScriptedReply(const ScriptedRequest&)>;

  explicit ScriptedServer(Handler handler);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url() const;  // "http://127.0.0.1:port"
  // Every request so far, in the order in which they were read.
  std::vector<ScriptedRequest> requests() const VARVE_EXCLUDES(mu_);
  size_t connections() const VARVE_EXCLUDES(mu_);

 private:
  void Accept();
  void Serve(int connection);
  bool ReadRequest(int connection, std::string& buffered, ScriptedRequest& request);
  void WaitForEnd() VARVE_EXCLUDES(mu_);

  const Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;

  mutable Mutex mu_;
  CondVar changed_;
  bool ended_ VARVE_GUARDED_BY(mu_) = false;
  std::vector<int> open_ VARVE_GUARDED_BY(mu_);
  std::vector<std::thread> serving_ VARVE_GUARDED_BY(mu_);
  std::vector<ScriptedRequest> requests_ VARVE_GUARDED_BY(mu_);
  std::thread acceptor_;  // last: it uses everything above
};

}  // namespace varve::io::testing
