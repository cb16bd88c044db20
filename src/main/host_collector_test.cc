#include "main/host_collector.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>

#include "io/testing/faulty_disk.h"

namespace varve {
namespace {

// Captured from a machine with a disk of SCSI kind, an NVMe disk with parts, and containers.
constexpr const char* kStat =
    "cpu  1000 200 300 8000 400 0 60 40 500 0\n"
    "cpu0 500 100 150 4000 200 0 30 20 250 0\nintr 1\n";
constexpr const char* kStatLater = "cpu  1050 200 320 8110 410 0 65 45 500 0\n";
constexpr const char* kMemInfo =
    "MemTotal:       24684084 kB\nMemFree:        20683728 kB\nMemAvailable:   18513063 kB\n";
constexpr const char* kDiskStats =
    "   7       0 loop0 51 0 800 2 0 0 0 0 0 8 2 0 0 0 0 0 0\n"
    "   8       0 sda 100 1 2000 9 50 2 3000 9 0 8 2 0 0 0 0 0 0\n"
    "   8       1 sda1 100 1 1900 9 50 2 2900 9 0 8 2\n"
    " 259       0 nvme0n1 7 0 10 1 6 0 20 1 0 1 1 0 0 0 0 0 0\n"
    " 259       1 nvme0n1p1 7 0 10 1 6 0 20 1 0 1 1\n"
    " 259       2 nvme0n10 7 0 100 1 6 0 200 1 0 1 1 0 0 0 0 0 0\n"
    " 253       0 dm-0 7 0 5000 1 6 0 6000 1 0 1 1 0 0 0 0 0 0\n";
constexpr const char* kNetDev =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n"
    "    lo: 97254617737 30781137    0    0    0     0          0         0 97254617737 30781137 0 "
    "0 0 0 0 0\n"
    "  eth0: 1000 10 0 0 0 0 0 0 700 5 0 0 0 0 0 0\n"
    "eth1:5000000000 10 0 0 0 0 0 0 30 5 0 0 0 0 0 0\n"
    "veth12ab: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
    " bond0: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
    "eth0.100: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
    "  mesh: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n";

class HostReaderTest : public ::testing::Test {
 protected:
  HostReaderTest() {
    disk_.SetContents("proc/stat", kStat);
    disk_.SetContents("proc/loadavg", "3.79 2.45 1.74 6/127 1241\n");
    disk_.SetContents("proc/meminfo", kMemInfo);
    disk_.SetContents("proc/diskstats", kDiskStats);
    disk_.SetContents("proc/net/dev", kNetDev);
    disk_.SetContents("proc/sys/kernel/hostname", "vm-7\n");
    for (const char* const device : {"eth0", "eth1"}) {
      disk_.SetContents(fmt::format("sys/class/net/{}/device", device), "");
    }
    disk_.SetCapacity(1'000'000);
  }
  HostReader Reader() { return {disk_, {.disk = "data", .proc = "proc", .sys = "sys"}}; }
  static std::map<std::string_view, HostValue> ByName(const std::vector<HostValue>& values) {
    std::map<std::string_view, HostValue> by_name;
    for (const HostValue& value : values) by_name[value.name] = value;
    return by_name;
  }

  io::testing::FaultyDisk disk_;
};

TEST_F(HostReaderTest, SaysWhatTheFilesSay) {
  HostReader reader = Reader();
  EXPECT_EQ(reader.HostName(), "vm-7");
  std::vector<HostValue> values;
  ASSERT_TRUE(reader.Read(values).ok());
  EXPECT_EQ(values.size(), 7u);  // the processor's share needs two
  disk_.SetContents("proc/stat", kStatLater);
  const Status read = reader.Read(values);
  ASSERT_TRUE(read.ok()) << read;
  const auto by_name = ByName(values);
  ASSERT_EQ(by_name.size(), 8u);
  EXPECT_DOUBLE_EQ(by_name.at("cpu_percent").value, 40.0);  // 80 busy of 200
  EXPECT_DOUBLE_EQ(by_name.at("load_avg_1m").value, 3.79);
  EXPECT_DOUBLE_EQ(by_name.at("mem_used_percent").value, 25.0);
  EXPECT_GT(by_name.at("disk_used_percent").value, 0.0);
  EXPECT_LT(by_name.at("disk_used_percent").value, 1.0);
  EXPECT_DOUBLE_EQ(by_name.at("disk_read_bytes").value, 2110.0 * 512);
  EXPECT_DOUBLE_EQ(by_name.at("disk_write_bytes").value, 3220.0 * 512);
  EXPECT_DOUBLE_EQ(by_name.at("net_bytes_sent").value, 730.0);
  EXPECT_DOUBLE_EQ(by_name.at("net_bytes_recv").value, 5'000'001'000.0);
  for (const HostValue& value : values) {
    EXPECT_EQ(value.counter, value.name.find("_bytes") != std::string_view::npos) << value.name;
  }
}

TEST_F(HostReaderTest, InAContainerItsOwnInterfaceCounts) {
  ASSERT_TRUE(disk_.Remove("sys/class/net/eth0/device").ok());
  ASSERT_TRUE(disk_.Remove("sys/class/net/eth1/device").ok());
  disk_.SetContents("proc/net/dev",
                    "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
                    "  eth0: 1000 10 0 0 0 0 0 0 700 5 0 0 0 0 0 0\n"
                    "veth12ab: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n");
  std::vector<HostValue> values;
  HostReader reader = Reader();
  ASSERT_TRUE(reader.Read(values).ok());
  EXPECT_DOUBLE_EQ(ByName(values).at("net_bytes_sent").value, 700.0);
  EXPECT_DOUBLE_EQ(ByName(values).at("net_bytes_recv").value, 1000.0);
}

// A file system keeps a part for the system, and df counts it neither as used nor as available.
TEST_F(HostReaderTest, TheDiskIsAsFullAsDfSays) {
  disk_.SetContents("data/file", std::string(100'000, 'x'));
  disk_.SetCapacity(1 << 30);
  const uint64_t used = disk_.Space("data")->used_bytes;
  disk_.SetCapacity(3 * used);
  disk_.SetReserved(used);
  std::vector<HostValue> values;
  HostReader reader = Reader();
  ASSERT_TRUE(reader.Read(values).ok());
  EXPECT_DOUBLE_EQ(ByName(values).at("disk_used_percent").value, 50.0);
}

TEST_F(HostReaderTest, AFileThatCannotBeReadLeavesTheOthers) {
  HostReader reader = Reader();
  std::vector<HostValue> values;
  ASSERT_TRUE(reader.Read(values).ok());
  for (const char* const bad : {"", "cpu", "cpu  1 2 x 4 5 6 7 8\n", "cpu  1 2 3 4 5 6 7"}) {
    disk_.SetContents("proc/stat", bad);
    const Status read = reader.Read(values);
    EXPECT_NE(MessageOf(read).find("/proc/stat"), std::string_view::npos) << bad;
    EXPECT_EQ(values.size(), 7u);
  }
  ASSERT_TRUE(disk_.Remove("proc/meminfo").ok());
  disk_.SetContents("proc/net/dev", "eth0: 1 2 3\n");
  EXPECT_FALSE(reader.Read(values).ok());
  EXPECT_EQ(values.size(), 4u);  // load, the disk's space and its two counters
  ASSERT_TRUE(disk_.Remove("proc/sys/kernel/hostname").ok());
  EXPECT_EQ(reader.HostName(), "localhost");
}

// Keeps what it gets and answers when told to.
class WriterForTest : public ingest::RingWriter {
 public:
  void WriteAsync(std::span<const ingest::SampleInput> samples,
                  std::function<void(Result<ingest::RingWritten>)> done) override {
    for (const ingest::SampleInput& sample : samples) {
      EXPECT_EQ(sample.tags.size(), 1u);
      EXPECT_EQ(sample.tags[0].key, "host");
      EXPECT_EQ(sample.tags[0].value, "vm-7");
      EXPECT_EQ(sample.type == ring::MetricType::kCounter,
                sample.name.find("_bytes") != std::string_view::npos);
      last_ts = sample.ts;
    }
    waiting = std::move(done);
    ++writes;
    if (answer_at_once) Answer(ingest::RingWritten());
  }
  bool TryWriteAsync(std::span<const ingest::SampleInput> samples,
                     std::function<void(Result<ingest::RingWritten>)> done) override {
    WriteAsync(samples, std::move(done));
    return true;
  }
  Status Drop(ring::MetricId /*id*/) override { return OkStatus(); }
  Status Reshape(ring::MetricId /*id*/, ring::RingShape /*shape*/) override { return OkStatus(); }
  void Answer(Result<ingest::RingWritten> result) { waiting(std::move(result)); }

  std::function<void(Result<ingest::RingWritten>)> waiting;
  bool answer_at_once = false;
  std::atomic<int> writes{0};
  std::atomic<int64_t> last_ts{0};
};

TEST_F(HostReaderTest, ASecondWhoseWriteIsStillOutIsLeftOut) {
  WriterForTest writer;
  std::optional<HostCollector> collector;
  collector.emplace(Reader(), writer, Clock::System());
  collector->Collect(100);
  collector->Collect(101);
  EXPECT_EQ(writer.writes, 1);
  writer.Answer(Unavailable("the log is full (test)"));
  collector->Collect(102);
  EXPECT_EQ(writer.writes, 2);
  EXPECT_EQ(writer.last_ts, 102);
  collector.reset();
  writer.Answer(ingest::RingWritten());  // comes after the end
}

TEST_F(HostReaderTest, ItsThreadCollectsWithTheTimeAndEnds) {
  WriterForTest writer;
  writer.answer_at_once = true;
  const int64_t before = Clock::System().NowUs() / 1'000'000;
  {
    HostCollector collector(Reader(), writer, Clock::System());
    collector.Start();
    while (writer.writes < 2) std::this_thread::yield();
  }
  const int writes = writer.writes;
  EXPECT_GE(writer.last_ts, before + 1);
  EXPECT_LE(writer.last_ts, Clock::System().NowUs() / 1'000'000);
  EXPECT_EQ(writer.writes, writes);
}

}  // namespace
}  // namespace varve
