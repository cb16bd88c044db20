#include "server/http/service_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "engine/testing/rings_for_test.h"

namespace varve::server {
namespace {

using std::chrono::milliseconds;

HttpServices Some() {
  static const auto kRings = std::make_unique<engine::RingsForTest>();
  HttpServices services;
  services.rings = kRings.get();
  return services;
}

TEST(ServiceGateTest, LetsInBetweenOpenAndClose) {
  ServiceGate gate;
  EXPECT_EQ(gate.Enter(), nullptr);
  EXPECT_TRUE(gate.WaitUntilLeft(milliseconds(0)));
  gate.Open(Some());
  const auto services = gate.Enter();
  ASSERT_NE(services, nullptr);
  EXPECT_EQ(services->rings, Some().rings);
  gate.Close();
  EXPECT_EQ(gate.Enter(), nullptr);
  EXPECT_EQ(services->rings, Some().rings);  // who is inside stays so
}

TEST(ServiceGateTest, WaitsForTheLastOne) {
  ServiceGate gate;
  gate.Open(Some());
  auto first = gate.Enter();
  auto second = gate.Enter();
  gate.Close();
  first = nullptr;
  EXPECT_FALSE(gate.WaitUntilLeft(milliseconds(1)));
  std::thread leaves([&second] { second = nullptr; });
  EXPECT_TRUE(gate.WaitUntilLeft(milliseconds(60'000)));
  leaves.join();
}

TEST(ServiceGateTest, TheLastOneMayOutliveTheGate) {
  std::shared_ptr<const HttpServices> kept;
  {
    ServiceGate gate;
    gate.Open(Some());
    kept = gate.Enter();
  }
  EXPECT_EQ(kept->rings, Some().rings);
}

}  // namespace
}  // namespace varve::server
