#include "server/http/service_gate.h"

#include <utility>

namespace varve::server {

void ServiceGate::Open(HttpServices services) {
  {
    MutexLock lock(doorway_->mu);
    doorway_->held = true;
  }
  const auto leave = [doorway = doorway_](const HttpServices* gone) {
    const std::unique_ptr<const HttpServices> owned(gone);
    MutexLock lock(doorway->mu);
    doorway->held = false;
    doorway->left.NotifyAll();
  };
  MutexLock lock(mu_);
  services_ = std::shared_ptr<const HttpServices>(new HttpServices(services), leave);
}

std::shared_ptr<const HttpServices> ServiceGate::Enter() const {
  MutexLock lock(mu_);
  return services_;
}

void ServiceGate::Close() {
  std::shared_ptr<const HttpServices> last;  // goes after the lock
  MutexLock lock(mu_);
  last = std::exchange(services_, nullptr);
}

bool ServiceGate::WaitUntilLeft(std::chrono::milliseconds limit) {
  Doorway& doorway = *doorway_;
  MutexLock lock(doorway.mu);
  return doorway.left.WaitFor(doorway.mu, limit,
                              [&doorway]() VARVE_REQUIRES(doorway.mu) { return !doorway.held; });
}

}  // namespace varve::server
