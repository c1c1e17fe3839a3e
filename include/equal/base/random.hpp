// Random numbers that belong to a document (or any named thing), never to a rank or a thread: the same stream comes
// out wherever it is drawn.
#pragma once

#include <cstdint>
#include <string_view>

#include "equal/base/digest.hpp"

namespace equal {

/// A 64-bit hash of (seed, purpose, digest); uniform. Draw order of documents: ascending value of this.
std::uint64_t keyed_hash(std::uint64_t seed, std::string_view purpose, const Digest128& digest) noexcept;

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words with good avalanche.
std::uint64_t mix64(std::uint64_t x) noexcept;

/// SplitMix64 stream seeded from (seed, purpose[, digest]). Period 2^64; two words of state are not needed here because
/// streams are short. Satisfies UniformRandomBitGenerator.
class RandomStream {
 public:
  using result_type = std::uint64_t;
  RandomStream(std::uint64_t seed, std::string_view purpose, const Digest128& digest = {}) noexcept;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()() noexcept;
  double uniform() noexcept;                          ///< [0, 1), 53 bits
  double normal() noexcept;                           ///< N(0, 1), Box-Muller
  std::uint64_t below(std::uint64_t bound) noexcept;  ///< [0, bound), unbiased. REQUIRES: bound > 0

 private:
  std::uint64_t state_;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace equal
