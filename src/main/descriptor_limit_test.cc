#include "main/descriptor_limit.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <sstream>

namespace varve {
namespace {

TEST(DescriptorLimitTest, TheSoftLimitIsRaisedAndAShortageSaid) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  std::ostringstream text;
  const auto logger = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)));
  const uint64_t limit = RaiseDescriptorLimit(65);
  rlimit now{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(now.rlim_cur, limit);
  EXPECT_EQ(limit, std::min<uint64_t>(before.rlim_max, 1u << 20));
  EXPECT_EQ(text.str(), "");
  EXPECT_EQ(RaiseDescriptorLimit(limit + 1), limit);
  EXPECT_NE(text.str().find(std::to_string(limit + 1)), std::string::npos) << text.str();
  spdlog::set_default_logger(logger);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace varve
