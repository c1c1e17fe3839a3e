#include "launcher.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace equal::comm {
namespace {

constexpr int kTermMilliseconds = 2000;

bool is_launcher(pid_t pid) {
  constexpr std::array<std::string_view, 7> kNames{"mpirun", "mpiexec", "orterun", "orted", "prterun", "prte", "prted"};
  std::error_code error;
  const auto program =
      std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error).filename().string();
  return !error && std::find(kNames.begin(), kNames.end(), program) != kNames.end();
}

bool has_ended(int process, int within_milliseconds) {
  pollfd p{process, POLLIN, 0};
  return ::poll(&p, 1, within_milliseconds) > 0;
}

/// In the forked process: system calls only, since other threads may have held any lock.
[[noreturn]] void wait_and_end(int process, int milliseconds, int open_files) {
  ::setsid();
  // Whoever reads our output must not wait for this process.
  for (int fd = 0; fd < open_files; ++fd) {
    if (fd != process) ::close(fd);
  }
  if (!has_ended(process, milliseconds)) {
    ::syscall(SYS_pidfd_send_signal, process, SIGTERM, nullptr, 0U);
    if (!has_ended(process, kTermMilliseconds)) ::syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0U);
  }
  ::_exit(0);
}

}  // namespace

void end_launcher_after(double seconds) {
  const pid_t parent = ::getppid();
  // A handle and not a number: it never means another process.
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, parent, 0U));
  if (process < 0) return;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const int open_files = static_cast<int>(std::min<rlim_t>(files.rlim_cur, 65536));
  if (::getppid() == parent && is_launcher(parent) && ::fork() == 0)
    wait_and_end(process, static_cast<int>(1000 * seconds), open_files);
  ::close(process);
}

}  // namespace equal::comm
