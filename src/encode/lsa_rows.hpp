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
/// Units of Z are 1 / lsa_scale(documents): a power of two, 2^43 up to 2^18 documents and half of that with each
/// doubling.
double lsa_scale(std::uint64_t documents) noexcept;

/// z (features, 16) += sum over rows a of round(scale a^T (a v)), v (features, 16); each row's part is rounded by
/// itself, so the order of the rows does not matter. REQUIRES: |a| <= 1 and columns of v of norm <= 1 (both up to
/// rounding), scale = lsa_scale(rows over all calls and ranks): each part is at most scale, so |z| <= documents x scale
/// <= 2^61 cannot overflow.
void lsa_accumulate(const SparseRows& rows, const float* v, double scale, std::int64_t* z);

}  // namespace equal::encode
