#include "crash_report.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <signal.h>
#include <unistd.h>

namespace equal::comm {
namespace {

struct Fatal {
  int number;
  const char* text;
};
constexpr std::array<Fatal, 5> kFatal = {
    {{SIGSEGV, "segmentation fault"},
     {SIGBUS, "bus error (a file or memory below it has gone, or the disk is full)"},
     {SIGFPE, "arithmetic fault"},
     {SIGILL, "illegal instruction (was the program built for another kind of CPU?)"},
     {SIGABRT, "aborted"}}};

// A signal handler can be told nothing: its text lies ready. Written by the main thread only; a handler that comes in
// between prints a mixed text at worst.
std::array<char, 512> g_where{};
std::array<struct sigaction, kFatal.size()> g_before{};
bool g_installed = false;

void print(const char* text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text, std::strlen(text));
}

extern "C" void on_fatal(int number) {
  for (std::size_t i = 0; i < kFatal.size(); ++i) {
    if (kFatal[i].number != number) continue;
    print("equal: ");
    print(g_where.data());
    print(": ");
    print(kFatal[i].text);
    print("\n");
    sigaction(number, &g_before[i], nullptr);
  }
  raise(number);  // delivered when this handler returns
}

}  // namespace

void report_crashes_as(const std::string& where) {
  const std::size_t n = std::min(where.size(), g_where.size() - 1);
  std::copy_n(where.data(), n, g_where.data());
  g_where[n] = '\0';
  if (g_installed) return;
  g_installed = true;
  struct sigaction action {};
  action.sa_handler = &on_fatal;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kFatal.size(); ++i) sigaction(kFatal[i].number, &action, &g_before[i]);
}

}  // namespace equal::comm
