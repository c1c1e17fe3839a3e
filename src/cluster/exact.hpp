// Arithmetic without rounding on embeddings and centroids; why it is exact is said in equal/cluster/kmeans.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "equal/linalg/float16.hpp"

namespace equal::cluster {

using linalg::float16;
__extension__ typedef __int128 int128;

inline constexpr double kGrid = 0x1p-24;           ///< embeddings and centroids are multiples of this
inline constexpr double kPotentialUnit = 0x1p-30;  ///< summed distances are rounded to multiples of this

/// x.c and |x|^2, exact. REQUIRES: equal sizes; the magnitudes stated in the header.
double exact_dot(const float* x, const float* c, std::size_t n) noexcept;
inline double exact_norm2(const float* x, std::size_t n) noexcept { return exact_dot(x, x, n); }
/// The same of a stored row.
double exact_dot(const float16* x, const float* c, std::size_t n) noexcept;
double exact_norm2(const float16* x, std::size_t n) noexcept;

/// sum[i] += sign * row[i] / 2^-24.
void add_row(const float16* row, std::int64_t sign, std::int64_t* sum, std::size_t n) noexcept;

/// Whether every component is within [-1, 1] (so neither NaN nor infinite) and |x|^2 <= 2.
bool is_valid_row(const float16* row, std::size_t n) noexcept;

/// A value to the nearest multiple of 2^-30, as an integer.
std::int64_t to_fixed(double value) noexcept;

/// The nearest integer to sum / count, halves away from zero. REQUIRES: count > 0.
std::int64_t rounded_mean(std::int64_t sum, std::int64_t count) noexcept;

}  // namespace equal::cluster
