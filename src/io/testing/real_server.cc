#include "io/testing/real_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/check.h"
#include "base/clock.h"
#include "base/uuid.h"

namespace varve::io::testing {
namespace {

constexpr int64_t kStartLimitUs = 60'000'000;
constexpr int kPollMs = 20;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool Listens(uint16_t port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool connected =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(probe);
  return connected;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<std::string> PartPath(const std::string& name) {
  const char* const given = std::getenv("VARVE_PARTS");
  std::string path = fmt::format("{}/{}", given != nullptr ? given : VARVE_PARTS_DEFAULT, name);
  if (std::filesystem::exists(path)) return path;
  return NotFound("{} is not installed: run tools/setup_tests.sh (`make test` does)", path);
}

uint16_t FreePort() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  VARVE_CHECK(::bind(probe, generic, size) == 0);
  VARVE_CHECK(::getsockname(probe, generic, &size) == 0);
  ::close(probe);
  return ntohs(address.sin_port);
}

ScratchFolder::ScratchFolder()
    : path_((std::filesystem::temp_directory_path() / ("varve-" + Uuid::MakeV4().ToString()))
                .string()) {
  std::filesystem::create_directories(path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<std::unique_ptr<RealServer>> RealServer::Start(
    const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
    uint16_t port, const std::string& log_path) {
  std::vector<std::string> words = command;
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  for (const auto& [name, value] : environment)
    variables.push_back(fmt::format("{}={}", name, value));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t process = 0;
  const int error = ::posix_spawn(&process, words[0].c_str(), &actions, nullptr,
                                  Pointers(words).data(), Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Unavailable("cannot start {}: {}", words[0], std::strerror(error));
  auto server = std::unique_ptr<RealServer>(new RealServer(process));
  const int64_t end_us = Clock::System().MonotonicUs() + kStartLimitUs;
  while (!Listens(port)) {
    if (Clock::System().MonotonicUs() > end_us) {
      return Unavailable("{} does not listen on {}; see {}", words[0], port, log_path);
    }
    ::poll(nullptr, 0, kPollMs);
  }
  return server;
}

RealServer::~RealServer() {
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace varve::io::testing
