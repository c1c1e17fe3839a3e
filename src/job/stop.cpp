#include "equal/job/stop.hpp"

#include <chrono>
#include <optional>

#include <signal.h>
#include <unistd.h>

namespace equal::job {
namespace {

volatile sig_atomic_t g_signals = 0;
std::optional<std::chrono::steady_clock::time_point> g_end;

extern "C" void on_signal(int number) {
  if (number == SIGINT && g_signals > 0)
    _exit(128 + SIGINT);  // asked twice: at once, files are consistent at all times
  g_signals = 1;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = &on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaction(number, &action, nullptr);
}

void set_time_limit(double max_hours) {
  if (max_hours > 0)
    g_end = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                   std::chrono::duration<double>(max_hours * 3600.0));
}

bool stop_requested() noexcept { return g_signals != 0 || (g_end && std::chrono::steady_clock::now() >= *g_end); }

}  // namespace equal::job
