#include "show_status.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <sys/ioctl.h>
#include <unistd.h>

#include "equal/job/status.hpp"

namespace equal::cli {
namespace {

bool on_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

job::StatusStyle style() {
  job::StatusStyle out;
  winsize size{};
  if (on_terminal() && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) out.columns = size.ws_col;
  const char* no_colour = std::getenv("NO_COLOR");
  out.colours = on_terminal() && (no_colour == nullptr || no_colour[0] == '\0');
  if (!on_terminal()) out.columns = 1000;  // logs are not cut
  return out;
}

}  // namespace

std::string status_for_output(const job::Workspace& workspace) {
  return job::status_text(job::status_data(workspace), style());
}

void watch_status(const job::Workspace& workspace) {
  std::string last;
  while (true) {
    const Json status = job::status_data(workspace);
    const std::string text = job::status_text(status, style());
    if (text != last || on_terminal()) {
      if (on_terminal()) std::fputs("\x1b[H\x1b[2J", stdout);  // to the top, clear
      std::fputs(text.c_str(), stdout);
      std::fflush(stdout);
      last = text;
    }
    if (!status.at("running").get<bool>()) return;
    std::this_thread::sleep_for(std::chrono::seconds(2));
  }
}

}  // namespace equal::cli
