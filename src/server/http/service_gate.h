// Lets calls at the storage between Open and Close, and tells when the last one has gone.
//
// Role:     HttpServer::Attach -> [ServiceGate] -> each call, which holds what Enter gave it.
// Threads:  safe.
#pragma once

#include <chrono>
#include <memory>

#include "base/mutex.h"
#include "server/http/http_message.h"

namespace varve::server {

class ServiceGate {
 public:
  void Open(HttpServices services) VARVE_EXCLUDES(mu_);
  // nullptr before Open and after Close.
  std::shared_ptr<const HttpServices> Enter() const VARVE_EXCLUDES(mu_);
  void Close() VARVE_EXCLUDES(mu_);
  // After Close. Whether nobody holds the services any more, waiting for it up to `limit`.
  bool WaitUntilLeft(std::chrono::milliseconds limit) VARVE_EXCLUDES(mu_);

 private:
  // The holders' last one may outlive the gate.
  struct Doorway {
    Mutex mu;
    CondVar left;
    bool held VARVE_GUARDED_BY(mu) = false;
  };

  mutable Mutex mu_;
  std::shared_ptr<const HttpServices> services_ VARVE_GUARDED_BY(mu_);
  const std::shared_ptr<Doorway> doorway_ = std::make_shared<Doorway>();
};

}  // namespace varve::server
