#include "lsa_sample.hpp"

#include <algorithm>

namespace equal::encode {

void LowestValues::offer(std::uint64_t value) {
  ++offered_;
  if (value > bound_) return;
  values_.push_back(value);
  if (values_.size() >= 2 * count_ + 1024) shrink();
}

void LowestValues::shrink() {
  if (values_.size() <= count_) return;
  std::nth_element(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count_) - 1, values_.end());
  values_.resize(count_);
  bound_ = values_.back();
}

std::vector<std::uint64_t> LowestValues::take() {
  shrink();
  return std::move(values_);
}

std::uint64_t nth_value(comm::Communicator& comm, const std::vector<std::uint64_t>& values, std::uint64_t count) {
  // Radix selection: fix the value 16 bits at a time, from the top.
  std::uint64_t prefix = 0, mask = 0, below = 0;
  for (unsigned shift = 64; shift != 0;) {
    shift -= 16;
    std::vector<std::uint64_t> histogram(65536);
    for (const std::uint64_t v : values) {
      if ((v & mask) == prefix) ++histogram[(v >> shift) & 0xffffU];
    }
    comm.sum(std::span<std::uint64_t>(histogram));
    std::uint64_t digit = 0;
    while (digit < 65535 && below + histogram[digit] <= count) below += histogram[digit++];
    prefix |= digit << shift;
    mask |= std::uint64_t{0xffff} << shift;
  }
  return prefix;
}

}  // namespace equal::encode
