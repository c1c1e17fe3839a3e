#include "equal/linalg/float16.hpp"

#include <bit>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace equal::linalg {

float16 to_float16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U)
    return static_cast<float16>(sign | 0x7e00U | ((magnitude >> 13) & 0x1ffU));  // NaN, quiet
  if (magnitude >= 0x477ff000U) return static_cast<float16>(sign | 0x7c00U);     // rounds to 2^16 or more
  if (magnitude < 0x38800000U) {  // below 2^-14: subnormal, a multiple of 2^-24
    // Adding 0.5 puts the unit of 2^-24 at the last place of a float, where the hardware rounds to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<float16>(sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F)));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<float16>(sign | ((rounded - 0x38000000U) >> 13));
}

float to_float32(float16 half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t rest = half & 0x7fffU;
  if (rest >= 0x7c00U) {
    const std::uint32_t quiet = rest > 0x7c00U ? 0x400000U : 0U;
    return std::bit_cast<float>(sign | 0x7f800000U | ((rest & 0x3ffU) << 13) | quiet);
  }
  if (rest < 0x400U) {
    const float magnitude = static_cast<float>(rest) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((rest << 13) + 0x38000000U));
}

#if defined(__x86_64__)
namespace {
__attribute__((target("avx,f16c"))) std::size_t to_half_f16c(const float* in, float16* out, std::size_t n) noexcept {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  return i;
}
__attribute__((target("avx,f16c"))) std::size_t to_float_f16c(const float16* in, float* out, std::size_t n) noexcept {
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  }
  return i;
}
bool has_f16c() noexcept {
  // Every CPU with AVX2 has F16C, and clang 14 cannot ask for "f16c".
  static const bool value = __builtin_cpu_supports("avx2");
  return value;
}
}  // namespace
#endif

void to_float16(std::span<const float> in, std::span<float16> out) noexcept {
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_f16c()) i = to_half_f16c(in.data(), out.data(), in.size());
#endif
  for (; i < in.size(); ++i) out[i] = to_float16(in[i]);
}

void to_float32(std::span<const float16> in, std::span<float> out) noexcept {
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_f16c()) i = to_float_f16c(in.data(), out.data(), in.size());
#endif
  for (; i < in.size(); ++i) out[i] = to_float32(in[i]);
}

}  // namespace equal::linalg
