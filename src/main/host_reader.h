// Reads what the machine does from /proc and /sys: processor, memory, disks, network.
//
// Role:     /proc, /sys, the data folder's disk -> [HostReader] -> HostCollector.
// Units:    percent of 100; bytes since the machine's start, summed over its disks or interfaces.
// Errors:   of the first file that could not be read or understood; the values of the others come.
// Threads:  one owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/file.h"

namespace varve {

struct HostValue {
  std::string_view name;  // static
  bool counter = false;
  double value = 0;
};

class HostReader {
 public:
  struct Paths {
    std::string disk;            // any path on the disk of interest
    std::string proc = "/proc";  // or a folder with copies of its files
    std::string sys = "/sys";    // the same
  };
  HostReader(io::FileSystem& files, Paths paths) : files_(files), paths_(std::move(paths)) {}

  // The machine's name; "localhost" when it is not known.
  std::string HostName() const;
  // Replaces `values`. The share of processor time is known from the second call on: it is that
  // since the call before.
  Status Read(std::vector<HostValue>& values);

 private:
  struct CpuTimes {
    uint64_t busy = 0;
    uint64_t all = 0;
  };
  Result<std::string> ReadProc(std::string_view name) const;
  Status ReadCpu(std::vector<HostValue>& values);
  Status ReadLoad(std::vector<HostValue>& values) const;
  Status ReadMemory(std::vector<HostValue>& values) const;
  Status ReadSpace(std::vector<HostValue>& values) const;
  Status ReadDisks(std::vector<HostValue>& values) const;
  Status ReadNetwork(std::vector<HostValue>& values) const;
  bool HasDevice(std::string_view interface) const;

  io::FileSystem& files_;
  const Paths paths_;
  std::optional<CpuTimes> last_cpu_;
};

}  // namespace varve
