// Sends HTTP requests and waits for their answers: the one door to libcurl.
//
// Role:     io/s3, io/dynamodb -> [HttpClient] -> network.
// Limits:   each request brings its own; kIdleHandlesMax connections are kept for later.
// Errors:   Unavailable when no whole answer came: refused, reset, cut off, too late (see
//           WasNeverSent); FailedPrecondition when the server's certificate is not trusted;
//           InvalidArgument for a URL that cannot be used; ResourceExhausted for an answer above
//           its bound; 57P01 after the gate has stopped, 57014 within a second or so after the
//           thread was interrupted. An answer of any status is no error here.
// Not done here: retries, signatures, redirects (never followed: the next host has no business
//           with our credentials).
// Threads:  safe; each caller has a connection of its own. Calls block as long as the limits say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "io/http/http_message.h"
#include "io/http/stop_gate.h"

namespace varve::io {

inline constexpr size_t kIdleHandlesMax = 64;

class HttpClient {
 public:
  // `ca_file`: certificates to trust instead of the system's; empty for those.
  explicit HttpClient(StopGate& gate, std::string ca_file = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends the request exactly once if it has a body: libcurl's own repetition on a connection that
  // died is prevented, because the server may have acted on the first one.
  Result<HttpResponse> Send(const HttpRequest& request) VARVE_EXCLUDES(mu_);

  StopGate& gate() { return gate_; }

 private:
  struct Handle;
  std::unique_ptr<Handle> Take() VARVE_EXCLUDES(mu_);
  // Only after a request that libcurl has ended well: one that failed, at a look-up of a name for
  // instance, leaves the handle in a state in which it refuses options of the next request.
  void GiveBack(std::unique_ptr<Handle> handle) VARVE_EXCLUDES(mu_);

  // Constant after construction.
  StopGate& gate_;
  const std::string ca_file_;

  Mutex mu_;
  std::vector<std::unique_ptr<Handle>> idle_ VARVE_GUARDED_BY(mu_);
};

// Whether the request of this error certainly did not reach the server: no connection was made.
bool WasNeverSent(const Status& error);
// The error as it is for whoever sends a request several times and knows of all of them.
Status WithNeverSent(Status error, bool never_sent);

}  // namespace varve::io
