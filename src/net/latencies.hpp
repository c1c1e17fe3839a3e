// The last few latencies, for the 95th percentile that hedging starts from.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace equal::net {

class LatencyWindow {
 public:
  void add(double seconds) noexcept {
    values_[count_++ % values_.size()] = seconds;
    stale_ = true;
  }
  bool ready() const noexcept { return count_ >= 32; }
  double percentile95() {
    if (stale_) {
      std::array<double, 256> sorted = values_;
      const std::size_t n = std::min(count_, values_.size());
      const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(n * 95 / 100);
      std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(n));
      p95_ = *at;
      stale_ = false;
    }
    return p95_;
  }

 private:
  std::array<double, 256> values_{};
  std::size_t count_ = 0;
  double p95_ = 0.0;
  bool stale_ = false;
};

}  // namespace equal::net
