#include "equal/base/usage.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace equal {
namespace {

/// The number behind `name` in a file of lines "name: number".
std::uint64_t number_in(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    std::uint64_t value = 0;
    if (word == name && in >> value) return value;
  }
  return 0;
}

}  // namespace

double thread_cpu_seconds() noexcept {
  ::timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

ProcessUsage process_usage() {
  ProcessUsage out;
  ::timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  out.cpu_seconds = static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  out.main_cpu_seconds = thread_cpu_seconds();
  std::uint64_t ran = 0, queued = 0;
  std::ifstream("/proc/thread-self/schedstat") >> ran >> queued;  // nanoseconds on a core, and waiting for one
  out.main_queue_seconds = 1e-9 * static_cast<double>(queued);
  out.read_bytes = number_in("/proc/self/io", "rchar:");
  out.written_bytes = number_in("/proc/self/io", "wchar:");
  out.peak_rss_bytes = 1024 * number_in("/proc/self/status", "VmHWM:");
  return out;
}

bool reset_peak_rss() {
  const int fd = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::write(fd, "5", 1) == 1;
  ::close(fd);
  return done;
}

}  // namespace equal
