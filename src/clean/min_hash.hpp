// The MinHash kernel: for each of n hash functions the least value over a set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace equal::clean {

/// Functions are counted in blocks of so many.
inline constexpr std::size_t kHashBlock = 16;

/// least[k] = min over x of multiplier[k] * x + offset[k] (mod 2^32); the greatest number for an empty set. Equal bits
/// on every CPU. REQUIRES: equal sizes of the three, a multiple of kHashBlock; odd multipliers.
void min_hash(std::span<const std::uint32_t> set, std::span<const std::uint32_t> multiplier,
              std::span<const std::uint32_t> offset, std::span<std::uint32_t> least);

}  // namespace equal::clean
