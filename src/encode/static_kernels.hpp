// The inner loops of static encoders. Each element of the result is its own chain of one product and one sum per term,
// in the order of the terms and never contracted: scalar, AVX2 and AVX-512 forms give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "equal/linalg/float16.hpp"

namespace equal::encode {

struct StaticKernels {
  /// sum[i] += weight or -weight by bit i of `bits` (1: negative). dim a multiple of 64, dim / 64 words.
  void (*add_signs)(float* sum, const std::uint64_t* bits, float weight, std::size_t dim);
  /// sum[i] += weight * row[i]. dim a multiple of 16.
  void (*add_half)(float* sum, const linalg::float16* row, float weight, std::size_t dim);
  /// sum[i] += weight * row[i]. dim a multiple of 16.
  void (*add_float)(float* sum, const float* row, float weight, std::size_t dim);
  const char* name;  ///< "AVX-512", "AVX2" or "portable"
};

/// The best that this CPU runs.
const StaticKernels& static_kernels() noexcept;
/// All that this CPU runs, the portable one first: for tests.
std::size_t static_kernel_count() noexcept;
const StaticKernels& static_kernel(std::size_t index) noexcept;

/// Scales to unit length (norm summed in double in a fixed order); a vector of zeros stays as it is.
void make_unit(float* vector, std::size_t dim) noexcept;

}  // namespace equal::encode
