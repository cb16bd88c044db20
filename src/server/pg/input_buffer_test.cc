#include "server/pg/input_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace varve::server::pg {
namespace {

constexpr size_t kFree = InputBuffer::kFreeBytes;

// What a socket would read, as much as there is room for; returns how much.
size_t Arrive(InputBuffer& buffer, std::string_view bytes) {
  const size_t count = std::min(bytes.size(), buffer.free_bytes());
  std::memcpy(buffer.free_begin(), bytes.data(), count);
  buffer.Commit(count);
  return count;
}

// Reads `bytes` as one message of that size.
Status ArriveWhole(InputBuffer& buffer, std::string_view bytes) {
  const size_t size = bytes.size();
  while (!bytes.empty()) {
    VARVE_RETURN_IF_ERROR(buffer.MakeRoom(size));
    const size_t count = Arrive(buffer, bytes);
    EXPECT_GT(count, 0u) << "MakeRoom made none";
    if (count == 0) return Internal("no room");
    bytes.remove_prefix(count);
  }
  return OkStatus();
}

std::string Message(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 31 + i / 256);
  return text;
}

TEST(InputBufferTest, SmallMessagesCostTheBudgetNothing) {
  InputBudget budget(0);
  InputBuffer buffer(budget);
  for (int i = 0; i < 10; ++i) {
    const std::string message = Message(kFree / 3);
    ASSERT_TRUE(ArriveWhole(buffer, message).ok());
    ASSERT_EQ(buffer.bytes(), message);
    buffer.Keep({});
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(InputBufferTest, WhatIsKeptStaysWhenRoomIsMade) {
  InputBudget budget(0);
  InputBuffer buffer(budget);
  const std::string message = Message(kFree);
  Arrive(buffer, message);
  buffer.Keep(buffer.bytes().substr(kFree - 100));
  ASSERT_TRUE(buffer.MakeRoom(200).ok());
  EXPECT_EQ(buffer.bytes(), message.substr(kFree - 100));
  EXPECT_EQ(buffer.free_bytes(), kFree - 100);
}

TEST(InputBufferTest, GrowsByWhatArrivesAndNotByWhatAHeaderClaims) {
  InputBudget budget(size_t{1} << 30);
  InputBuffer buffer(budget);
  constexpr size_t kClaimed = size_t{64} << 20;
  ASSERT_TRUE(buffer.MakeRoom(kClaimed).ok());
  EXPECT_EQ(budget.used(), 0u);
  const std::string message = Message(kFree + 1);
  Arrive(buffer, message);
  ASSERT_TRUE(buffer.MakeRoom(kClaimed).ok());
  EXPECT_GT(budget.used(), 0u);
  EXPECT_LE(budget.used(), 2 * kFree);
  Arrive(buffer, std::string_view(message).substr(kFree));
  EXPECT_EQ(buffer.bytes(), message);
}

TEST(InputBufferTest, ALargeMessageArrivesWholeAndItsMemoryIsGivenBackAfterIt) {
  InputBudget budget(size_t{8} << 20);
  InputBuffer buffer(budget);
  const std::string message = Message(3'000'000);
  ASSERT_TRUE(ArriveWhole(buffer, message).ok());
  EXPECT_EQ(buffer.bytes(), message);
  EXPECT_GE(budget.used(), message.size());
  const std::string next = "the next message";
  ASSERT_TRUE(buffer.MakeRoom(message.size() + 1).ok());
  Arrive(buffer, next);
  buffer.Keep(buffer.bytes().substr(message.size()));
  ASSERT_TRUE(buffer.MakeRoom(100).ok());
  EXPECT_EQ(buffer.bytes(), next);
  EXPECT_EQ(budget.used(), 0u);
}

TEST(InputBufferTest, AnEmptyBudgetRefusesAndKeepsWhatHasArrived) {
  InputBudget budget(3 * kFree);
  {
    InputBuffer greedy(budget);
    ASSERT_TRUE(ArriveWhole(greedy, Message(kFree + 10)).ok());
    const size_t used = budget.used();
    ASSERT_GT(used, 0u);
    InputBuffer buffer(budget);
    const std::string message = Message(2 * kFree);
    EXPECT_EQ(SqlStateOf(ArriveWhole(buffer, message)), sqlstate::kOutOfMemory);
    EXPECT_EQ(buffer.bytes(), message.substr(0, kFree));
    EXPECT_EQ(budget.used(), used) << "a refused charge is taken back";
  }
  EXPECT_EQ(budget.used(), 0u) << "a connection that goes gives its memory back";
}

}  // namespace
}  // namespace varve::server::pg
