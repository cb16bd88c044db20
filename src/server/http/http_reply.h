// Carries an answer from whatever thread a call ends on back to its connection.
//
// Role:     handler, RingWriter's `done` -> [HttpReply] -> HttpConnection.
// Rules:    the first answer counts. When the last copy goes without an answer, the client gets
//           500: no connection waits for ever.
// Threads:  safe.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "server/http/http_message.h"

namespace varve::server {

// Where one answer arrives; shared by the reply's copies and the connection that waits.
class AnswerSlot {
 public:
  // Runs `wake` when the answer comes, on its thread; at once when it is there already.
  void OnAnswer(std::function<void()> wake) VARVE_EXCLUDES(mu_) {
    {
      MutexLock lock(mu_);
      if (!answered_) {
        wake_ = std::move(wake);
        return;
      }
    }
    wake();
  }
  void Put(HttpAnswer answer) VARVE_EXCLUDES(mu_) {
    std::function<void()> wake;
    {
      MutexLock lock(mu_);
      if (answered_) return;
      answered_ = true;
      answer_ = std::move(answer);
      wake = std::exchange(wake_, nullptr);
    }
    if (wake) wake();
  }
  bool answered() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return answered_;
  }
  // Once, after the answer came.
  HttpAnswer Take() VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return std::move(answer_);
  }

 private:
  mutable Mutex mu_;
  bool answered_ VARVE_GUARDED_BY(mu_) = false;
  HttpAnswer answer_ VARVE_GUARDED_BY(mu_);
  std::function<void()> wake_ VARVE_GUARDED_BY(mu_);
};

class HttpReply {
 public:
  explicit HttpReply(std::shared_ptr<AnswerSlot> slot)
      : held_(std::make_shared<Held>(std::move(slot))) {}

  void operator()(HttpAnswer answer) const { held_->slot->Put(std::move(answer)); }

 private:
  struct Held {
    explicit Held(std::shared_ptr<AnswerSlot> s) : slot(std::move(s)) {}
    ~Held() {
      if (!slot->answered()) slot->Put(StatusAnswer(Internal("the call ended without an answer")));
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    const std::shared_ptr<AnswerSlot> slot;
  };
  std::shared_ptr<Held> held_;
};

}  // namespace varve::server
