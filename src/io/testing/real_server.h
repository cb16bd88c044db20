// Runs a real server as a child process for the life of a test.
//
// Role:     tests of io/s3, io/dynamodb -> [RealServer] -> a program below build/parts.
// Threads:  one owner.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace varve::io::testing {

// build/parts/<name>, or $VARVE_PARTS/<name>; NotFound with what to run when it is not installed.
Result<std::string> PartPath(const std::string& name);

// A port of 127.0.0.1 that nothing uses at this moment.
uint16_t FreePort();

// A folder for one test, removed with everything in it.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RealServer {
 public:
  // Starts `command` and waits until something listens on `port`. Its output goes to `log_path`.
  static Result<std::unique_ptr<RealServer>> Start(
      const std::vector<std::string>& command,
      const std::map<std::string, std::string>& environment, uint16_t port,
      const std::string& log_path);
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

 private:
  explicit RealServer(pid_t process) : process_(process) {}

  const pid_t process_;
};

}  // namespace varve::io::testing
