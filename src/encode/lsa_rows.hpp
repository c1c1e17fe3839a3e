// The sample of a fit as sparse rows, and the one loop that costs: Z += A^T (A V) for sixteen columns of V.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equal::encode {

struct SparseRows {
  struct Entry {
    std::uint32_t feature;
    float weight;
  };
  std::vector<std::uint64_t> start{0};  ///< row i is entries[start[i]] .. entries[start[i + 1] - 1]
  std::vector<Entry> entries;
  std::size_t rows() const noexcept { return start.size() - 1; }
};

/// Columns of V handled together: one cache line of floats.
constexpr std::size_t kLsaGroup = 16;
/// Fixed point of Z: units of 2^-43.
constexpr double kLsaScale = 0x1p43;

/// z (features, 16) += sum over rows a of round(2^43 a^T (a v)), v (features, 16); each row's part is rounded by
/// itself, so the order of the rows does not matter. REQUIRES: |a| <= 1 and columns of v of norm <= 1 (both up to
/// rounding), at most 2^18 rows over all calls and ranks: then each part is at most 1, and |z| <= 2^18 2^43 = 2^61
/// cannot overflow.
void lsa_accumulate(const SparseRows& rows, const float* v, std::int64_t* z);

}  // namespace equal::encode
