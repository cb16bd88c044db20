#include "server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace varve::bench {
namespace {

std::string MakeFolder() {
  const char* parent = std::getenv("TMPDIR");
  std::string pattern = std::string(parent == nullptr ? "/tmp" : parent) + "/varve-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder");
  return pattern;
}

}  // namespace

ServerProcess::ServerProcess(const std::string& binary, const std::vector<std::string>& options)
    : binary_(binary), options_(options), data_dir_(MakeFolder()) {
  Start();
}

void ServerProcess::Start() {
  std::vector<std::string> words = {binary_,       "serve", "--data-dir",  data_dir_,
                                    "--pg-port",   "0",     "--http-port", "0",
                                    "--grpc-port", "0"};
  words.insert(words.end(), options_.begin(), options_.end());
  const std::string log = data_dir_ + ".log";
  int out[2];
  if (::pipe(out) != 0) throw std::runtime_error("cannot make a pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(::open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600), STDERR_FILENO);
    ::close(out[0]);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(out[1]);
  std::string line;
  char c = 0;
  while (::read(out[0], &c, 1) == 1 && c != '\n') line.push_back(c);
  ::close(out[0]);
  const size_t at = line.find("pg=");
  if (line.rfind("ready ", 0) != 0 || at == std::string::npos) {
    std::stringstream said;
    said << std::ifstream(log).rdbuf();
    throw std::runtime_error("the server did not start: " + said.str());
  }
  pg_port_ = static_cast<uint16_t>(std::stoi(line.substr(at + 3)));
  http_port_ = static_cast<uint16_t>(std::stoi(line.substr(line.find("http=") + 5)));
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(data_dir_, ignored);
  std::filesystem::remove(data_dir_ + ".log", ignored);
}

void ServerProcess::Stop() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(fmt::format("the server ended with status {}", status));
  }
}

int64_t ServerProcess::StatusMiB(const std::string& key) const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  std::string word;
  int64_t kib = 0;
  while (status >> word) {
    if (word == key && status >> kib) return kib / 1024;
  }
  return -1;
}

double ServerProcess::CpuSeconds() const {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid_));
  std::string word;
  double ticks = 0;
  for (int i = 1; i <= 15 && stat >> word; ++i) {
    if (i >= 14) ticks += std::stod(word);  // user and system time
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int64_t ServerProcess::DiskMiB(const std::string& folder) const {
  int64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(data_dir_ + "/" + folder, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += static_cast<int64_t>(entry.file_size(ignored));
  }
  return bytes >> 20;
}

int64_t ServerProcess::DiskUsedBytes(const std::string& folder) const {
  int64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(data_dir_ + "/" + folder, ignored)) {
    struct stat file{};
    if (::stat(entry.path().c_str(), &file) == 0) bytes += file.st_blocks * 512;
  }
  return bytes;
}

}  // namespace varve::bench
