#include "equal/base/host.hpp"

#include <array>
#include <cerrno>
#include <fstream>

#include <signal.h>
#include <unistd.h>

namespace equal {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "unknown";
}

bool process_runs(int pid) {
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) return false;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");  // number (name) state ...
  std::string stat;
  std::getline(file, stat);
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() || stat[name_end + 2] != 'Z';
}

}  // namespace equal
