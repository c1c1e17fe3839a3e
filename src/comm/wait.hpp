// The one way we wait: test and yield for a short while, then test and sleep a little longer each time, at most 1 ms, so an idle
// rank leaves its core to others.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>

namespace equal::comm {

class PoliteWait {
 public:
  /// `bytes` that are under way: MPI moves them only while it is tested, so the time that they take at kBytesPerSecond is
  /// waited without sleeping.
  explicit PoliteWait(std::size_t bytes = 0)
      : sleep_from_(Clock::now() + std::chrono::microseconds(50 + bytes / (kBytesPerSecond / 1000000))) {}

  void pause() {
    if (Clock::now() < sleep_from_) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(delay_);
    delay_ = std::min(delay_ * 2, std::chrono::microseconds(1000));
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBytesPerSecond = 100'000'000;
  Clock::time_point sleep_from_;
  std::chrono::microseconds delay_{10};
};

}  // namespace equal::comm
