#include "server/core/query_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace varve::server {
namespace {

TEST(QueryPoolTest, RefusesNewWorkOnlyWhenTheQueueIsFull) {
  std::latch gate(1);
  std::latch begun(1);
  std::atomic<int> done{0};
  {
    QueryPool pool("test", {.threads = 1, .queued_max = 2});
    pool.Run([&] {
      begun.count_down();
      gate.wait();
      ++done;
    });
    begun.wait();
    EXPECT_EQ(pool.running(), 1u);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(pool.Admit().ok());
      pool.Run([&] { ++done; });
    }
    const Status refused = pool.Admit();
    EXPECT_EQ(SqlStateOf(refused), "53400");
    EXPECT_NE(MessageOf(refused).find("1 running, 2 queued"), std::string_view::npos);
    gate.count_down();
  }
  EXPECT_EQ(done, 3);  // What was accepted runs, also when the pool ends.
}

}  // namespace
}  // namespace varve::server
