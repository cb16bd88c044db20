#include "main/low_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <thread>

namespace varve {
namespace {

int NiceOf(pid_t thread) { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)); }

// Whether this process may take a thread's low priority back at all.
bool MayLift() {
  bool may = false;
  std::thread([&may] {
    const int own = NiceOf(::gettid());
    ::setpriority(PRIO_PROCESS, 0, own + 1);
    may = ::setpriority(PRIO_PROCESS, 0, own) == 0;
  }).join();
  return may;
}

TEST(LowPriorityTest, IsOfTheThreadAloneAndLiftedWhileItWorks) {
  const int own = NiceOf(::gettid());
  LowPriority low;
  std::promise<pid_t> entered;
  std::promise<void> end;
  std::thread thread([&] {
    low.Enter();
    entered.set_value(::gettid());
    end.get_future().wait();
  });
  const pid_t worker = entered.get_future().get();
  const int lowered = NiceOf(worker);
  EXPECT_EQ(lowered, std::max(own, 10));
  EXPECT_EQ(NiceOf(::gettid()), own);
  low.Lift();
  EXPECT_EQ(NiceOf(worker), MayLift() ? own : lowered);
  end.set_value();
  thread.join();
}

}  // namespace
}  // namespace varve
