// Threads that must not slow down whoever waits for an answer.
//
// Role:     Storage -> [LowPriority] -> the threads of Upkeep.
// Limits:   Lift needs a privilege on Linux (CAP_SYS_NICE, or RLIMIT_NICE); without it the threads
//           stay as they are.
// Threads:  safe.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/mutex.h"

namespace varve {

class LowPriority {
 public:
  // The calling thread works at low priority from now on. It must live until Lift was called.
  void Enter() VARVE_EXCLUDES(mu_);
  // Somebody waits for these threads now.
  void Lift() VARVE_EXCLUDES(mu_);

 private:
  struct Thread {
    pid_t id;
    int nice;  // before it entered
  };

  Mutex mu_;
  std::vector<Thread> threads_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve
