#include "child.hpp"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"

extern char** environ;

namespace equal::extract {
namespace fs = std::filesystem;

Child::Child(const std::string& command, const fs::path& log, fs::path mark) : mark_(std::move(mark)) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  std::string shell = "/bin/sh", option = "-c", text = command;
  char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  const int error = ::posix_spawn(&pid_, shell.c_str(), &files, &attributes, arguments, environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw EnvironmentError("the extraction command cannot be started: " + errno_text(error));
  write_file_atomically(mark_, format("{} {} {}\n", host_name(), pid_, ::getpid()));
}

std::optional<std::string> Child::ended() {
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
  pid_ = -1;
  std::error_code ignored;
  fs::remove(mark_, ignored);
  if (got < 0) return "lost: " + errno_text(errno);
  if (WIFSIGNALED(status)) return format("was killed by signal {}", WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  return code == 0 ? std::string{} : format("exited with status {}", code);
}

void Child::stop() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGTERM);
  bool gone = false;
  for (int i = 0; i < 50 && !gone; ++i) {
    gone = ::waitpid(pid_, nullptr, WNOHANG) != 0;
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (!gone) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_ = -1;
  std::error_code ignored;
  fs::remove(mark_, ignored);
}

bool end_orphan(const fs::path& mark, const std::string& argument) {
  std::string host;
  int pid = 0, parent = 0;
  std::ifstream(mark) >> host >> pid >> parent;
  if (host != host_name() || pid <= 1 || parent <= 0 || process_runs(parent)) return false;
  std::error_code ignored;
  fs::remove(mark, ignored);
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  const std::string words((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (words.find(argument) == std::string::npos) return false;
  ::kill(-pid, SIGTERM);
  for (int i = 0; i < 50 && ::kill(-pid, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ::kill(-pid, SIGKILL);
  return true;
}

}  // namespace equal::extract
