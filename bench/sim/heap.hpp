// Heap bytes of one thread's allocations, whoever frees them: what a simulated rank holds, although all share a
// process.
#pragma once

#include <cstddef>

namespace equal::sim {

/// From here on this thread's allocations are counted. One thread of the process at most.
void count_this_thread();
std::size_t counted_bytes();       ///< now
std::size_t peak_counted_bytes();  ///< largest so far

}  // namespace equal::sim
