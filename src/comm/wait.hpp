// The one way we wait: test, then sleep a little longer each time, at most 1 ms, so an idle rank leaves its core to
// others.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace equal::comm {

class PoliteWait {
 public:
  void pause() {
    if (++tries_ <= kYields) {
      std::this_thread::yield();
      return;
    }
    std::this_thread::sleep_for(delay_);
    delay_ = std::min(delay_ * 2, std::chrono::microseconds(1000));
  }

 private:
  static constexpr int kYields = 50;
  int tries_ = 0;
  std::chrono::microseconds delay_{10};
};

}  // namespace equal::comm
