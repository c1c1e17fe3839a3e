// IEEE half precision as a storage format. Embeddings are stored so: for |x| <= 1 every value is a multiple of 2^-24.
#pragma once

#include <cstdint>
#include <span>

namespace equal::linalg {

using float16 = std::uint16_t;  ///< the bits

float16 to_float16(float value) noexcept;  ///< round to nearest even; overflow to infinity
float to_float32(float16 bits) noexcept;   ///< exact

/// Element-wise; uses F16C where the CPU has it, with bit-equal results. REQUIRES: equal sizes.
void to_float16(std::span<const float> in, std::span<float16> out) noexcept;
void to_float32(std::span<const float16> in, std::span<float> out) noexcept;

}  // namespace equal::linalg
