#include "main/write_room.h"

#include <gtest/gtest.h>

#include "io/testing/faulty_disk.h"

namespace varve {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;
constexpr uint64_t kSegment = 64 * kMegabyte;
constexpr uint64_t kLogMax = 256 * kMegabyte;

class WriteRoomTest : public ::testing::Test {
 protected:
  // With so much free on the disk.
  std::string Check(const log::LogTelemetry& log, uint64_t free_bytes) {
    io::testing::FaultyDisk disk;
    disk.SetCapacity(free_bytes);
    return std::string(MessageOf(CheckWriteRoom(disk, "data", log, kLogMax)));
  }

  static log::LogTelemetry Log(uint64_t disk_bytes, uint64_t room_bytes) {
    log::LogTelemetry log;
    log.disk_bytes = disk_bytes;
    log.room_bytes = room_bytes;
    log.segment_bytes = kSegment;
    return log;
  }
};

TEST_F(WriteRoomTest, ThereIsRoom) {
  EXPECT_EQ(Check(Log(kSegment, kSegment), 1000 * kMegabyte), "");
  EXPECT_EQ(Check(Log(kSegment, 0), 1000 * kMegabyte), "");
  // No further segment is needed yet.
  EXPECT_EQ(Check(Log(kLogMax, 2 * kMegabyte), 2 * kMegabyte), "");
}

TEST_F(WriteRoomTest, AFullDisk) {
  const std::string full = "writes are refused: the disk of the data folder is full, ";
  EXPECT_EQ(Check(Log(kSegment, kSegment), 8192), full + "8 KiB are free");
  EXPECT_EQ(Check(Log(kSegment, 100), 8 * kMegabyte), full + "8192 KiB are free");
}

TEST_F(WriteRoomTest, AFullLog) {
  const std::string full =
      "writes are refused: the log has 256 of the 256 MiB that log-max-mb allows; see varve.jobs "
      "for what fails";
  EXPECT_EQ(Check(Log(kLogMax, kMegabyte / 2), 1000 * kMegabyte), full);
  // In a small log half a segment is room enough.
  log::LogTelemetry small = Log(kLogMax, 3000);
  small.segment_bytes = 4096;
  EXPECT_EQ(Check(small, 1000 * kMegabyte), "");
}

}  // namespace
}  // namespace varve
