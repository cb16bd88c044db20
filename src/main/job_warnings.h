// Logs the errors of background jobs, one that comes again and again once a minute.
//
// Role:     flush::JobRunner -> [JobWarnings] -> the server's own log. varve.jobs shows each.
// Threads:  safe.
#pragma once

#include <spdlog/spdlog.h>

#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "flush/job_runner.h"

namespace varve {

class JobWarnings {
 public:
  // Outlived by this object.
  flush::JobRunner::ErrorSink Sink() {
    return [this](const std::string& job, const Status& error) { Warn(job, error); };
  }

 private:
  void Warn(const std::string& job, const Status& error) VARVE_EXCLUDES(mu_) {
    constexpr int64_t kQuietUs = 60'000'000;
    const std::string text(MessageOf(error));
    {
      MutexLock lock(mu_);
      const int64_t now_us = Clock::System().MonotonicUs();
      Last& last = last_[job];
      if (last.text == text && now_us < last.at_us + kQuietUs) return;
      last = {text, now_us};
    }
    spdlog::warn("job {}: {}", job, text);
  }

  struct Last {
    std::string text;
    int64_t at_us = 0;
  };
  Mutex mu_;
  std::map<std::string, Last> last_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve
