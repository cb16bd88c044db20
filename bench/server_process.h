// Starts `varve serve` on a folder of its own and ends it again.
//
// Errors:   std::runtime_error when the server does not come up or does not end well.
// Threads:  single owner.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace varve::bench {

class ServerProcess {
 public:
  // `options`: further words of the command line. The data folder is temporary and removed at the
  // end.
  ServerProcess(const std::string& binary, const std::vector<std::string>& options);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t pg_port() const { return pg_port_; }
  uint16_t http_port() const { return http_port_; }
  // Resident memory in MiB: now, and the most so far.
  int64_t RssMiB() const { return StatusMiB("VmRSS:"); }
  int64_t PeakMiB() const { return StatusMiB("VmHWM:"); }
  // Processor time used so far, in seconds.
  double CpuSeconds() const;
  int64_t DiskMiB(const std::string& folder) const;
  // What the files of the folder take on disk, without their holes.
  int64_t DiskUsedBytes(const std::string& folder) const;
  // A file that varve.files lists for a table with this location.
  std::string LakePath(const std::string& location, const std::string& file) const {
    return data_dir_ + "/lake/varve/" + location + "/" + file;
  }
  // SIGTERM, and the wait for the end.
  void Stop();
  // After Stop: up again on the same folder.
  void Start();

 private:
  int64_t StatusMiB(const std::string& key) const;

  const std::string binary_;
  const std::vector<std::string> options_;
  std::string data_dir_;
  pid_t pid_ = -1;
  uint16_t pg_port_ = 0;
  uint16_t http_port_ = 0;
};

}  // namespace varve::bench
