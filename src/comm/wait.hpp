// The one way we wait: test and yield for a short while, then test and sleep a little longer each time, at most 1 ms,
// so an idle rank leaves its core to others.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>

#include "equal/base/usage.hpp"
#include "equal/comm/communicator.hpp"

namespace equal::comm {

/// The time from its making to its end is added to `waits`.
class PoliteWait {
 public:
  /// `bytes` that are under way: MPI moves them only while it is tested, so the time that they take at kBytesPerSecond
  /// is waited without sleeping.
  explicit PoliteWait(Waits& waits, std::size_t bytes = 0)
      : waits_(waits), yield_for_(std::chrono::microseconds(50 + bytes / (kBytesPerSecond / 1000000))) {
    waits_.bytes += bytes;
  }
  ~PoliteWait() {
    waits_.seconds += std::chrono::duration<double>(Clock::now() - start_).count();
    waits_.cpu_seconds += thread_cpu_seconds() - cpu_start_;
  }
  PoliteWait(const PoliteWait&) = delete;
  PoliteWait& operator=(const PoliteWait&) = delete;

  void pause() {
    const auto waited = Clock::now() - start_;
    if (waited < yield_for_) {
      std::this_thread::yield();
    } else {  // an eighth of the wait so far: what ends it is noticed in time
      std::this_thread::sleep_for(
          std::clamp<Clock::duration>(waited / 8, std::chrono::microseconds(10), std::chrono::milliseconds(1)));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBytesPerSecond = 100'000'000;
  Waits& waits_;
  Clock::time_point start_ = Clock::now();
  double cpu_start_ = thread_cpu_seconds();
  Clock::duration yield_for_;
};

}  // namespace equal::comm
