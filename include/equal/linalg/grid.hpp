// Coordinates on a grid, so that dot products are exact. float16 values of unit vectors lie on it already.
#pragma once

#include <cstddef>
#include <span>

namespace equal::linalg {

/// Rounds to the nearest multiple of 2^-24 (ties to even). Products of two such numbers are multiples of 2^-48, and a
/// sum of them is exact in double while it stays below 32 in absolute value: the same bits in any order, blocking or
/// fused form. REQUIRES: |in[i]| < 2^27, equal sizes.
inline void to_grid(std::span<const float> in, std::span<double> out) noexcept {
  constexpr double kMagic = 1.5 * (1 << 28);  // its last place is 2^-24: adding it rounds there
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double shifted = double{in[i]} + kMagic;
    out[i] = shifted - kMagic;
  }
}

}  // namespace equal::linalg
