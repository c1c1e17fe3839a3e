// Loops over bounds and scores, with AVX-512 where the CPU has it; the plain forms give the same values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace equal::cluster {

/// lower[g] -= drift[g], not below 0; whether any is then <= upper. REQUIRES: n a multiple of 32.
bool take_drift(std::uint16_t* lower, const std::uint16_t* drift, std::uint16_t upper, std::size_t n) noexcept;

/// Bit g of the 32-bit words: lower[g] <= upper, for g < n. Returns how many. REQUIRES: lower is padded to a multiple
/// of 32.
std::size_t find_needed(const std::uint16_t* lower, std::uint16_t upper, std::size_t n, std::uint32_t* words) noexcept;

/// out[p] = the smallest of scores[16 p .. 16 p + 15].
void lane_minima(const float* scores, std::size_t pairs, float* out) noexcept;

/// out[i] = floor(sqrt(max(0, norm2 + scores[i])) * 2^15), at most 65535. Float rounding is up to the caller's slack.
void to_lower_bounds(const float* scores, float norm2, std::size_t n, std::uint16_t* out) noexcept;

}  // namespace equal::cluster
