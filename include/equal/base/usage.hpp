// What a process has used so far, as the kernel counts it (Linux: getrusage, /proc/self). Figures that the system does
// not give are 0.
#pragma once

#include <cstdint>

namespace equal {

struct ProcessUsage {
  double cpu_seconds = 0;                           ///< of all threads, user and system
  double main_cpu_seconds = 0;                      ///< of the calling thread
  double main_queue_seconds = 0;                    ///< the calling thread was ready to run and had no core
  std::uint64_t read_bytes = 0, written_bytes = 0;  ///< through system calls, page cache included
  std::uint64_t peak_rss_bytes = 0;                 ///< largest resident set since reset_peak_rss()
};

/// REQUIRES, for the main_ figures: called from the thread that does the work.
ProcessUsage process_usage();

/// Lets the peak begin anew at the present resident set. False where the kernel does not allow it.
bool reset_peak_rss();

double thread_cpu_seconds() noexcept;  ///< of the calling thread

}  // namespace equal
