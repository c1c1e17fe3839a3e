#include "static_kernels.hpp"

#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "equal/linalg/gemm.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace equal::encode {
namespace {

void add_signs_portable(float* sum, const std::uint64_t* bits, float weight, std::size_t dim) {
  const auto magnitude = std::bit_cast<std::uint32_t>(weight);
  for (std::size_t i = 0; i < dim; ++i) {
    const auto sign = static_cast<std::uint32_t>((bits[i / 64] >> (i % 64)) & 1U) << 31;
    sum[i] += std::bit_cast<float>(magnitude ^ sign);
  }
}
void add_half_portable(float* sum, const linalg::float16* row, float weight, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) sum[i] += weight * linalg::to_float32(row[i]);
}
void add_float_portable(float* sum, const float* row, float weight, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) sum[i] += weight * row[i];
}

#if defined(__x86_64__)
#define EQUAL_AVX2 __attribute__((target("avx2,f16c")))
#define EQUAL_AVX512 __attribute__((target("avx512f")))

EQUAL_AVX2 void add_signs_avx2(float* sum, const std::uint64_t* bits, float weight, std::size_t dim) {
  const __m256i magnitude = _mm256_castps_si256(_mm256_set1_ps(weight));
  const __m256i to_top = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
  const __m256i top = _mm256_set1_epi32(static_cast<int>(0x80000000U));
  for (std::size_t i = 0; i < dim; i += 8) {
    const auto byte = static_cast<int>((bits[i / 64] >> (i % 64)) & 0xffU);
    const __m256i sign = _mm256_and_si256(_mm256_sllv_epi32(_mm256_set1_epi32(byte), to_top), top);
    const __m256 term = _mm256_castsi256_ps(_mm256_xor_si256(magnitude, sign));
    _mm256_storeu_ps(sum + i, _mm256_add_ps(_mm256_loadu_ps(sum + i), term));
  }
}
EQUAL_AVX2 void add_half_avx2(float* sum, const linalg::float16* row, float weight, std::size_t dim) {
  const __m256 w = _mm256_set1_ps(weight);
  for (std::size_t i = 0; i < dim; i += 8) {
    const __m256 x = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i)));
    _mm256_storeu_ps(sum + i, _mm256_add_ps(_mm256_loadu_ps(sum + i), _mm256_mul_ps(w, x)));
  }
}
EQUAL_AVX2 void add_float_avx2(float* sum, const float* row, float weight, std::size_t dim) {
  const __m256 w = _mm256_set1_ps(weight);
  for (std::size_t i = 0; i < dim; i += 8) {
    _mm256_storeu_ps(sum + i, _mm256_add_ps(_mm256_loadu_ps(sum + i), _mm256_mul_ps(w, _mm256_loadu_ps(row + i))));
  }
}

EQUAL_AVX512 void add_signs_avx512(float* sum, const std::uint64_t* bits, float weight, std::size_t dim) {
  const __m512 w = _mm512_set1_ps(weight);
  for (std::size_t i = 0; i < dim; i += 16) {
    const auto mask = static_cast<__mmask16>((bits[i / 64] >> (i % 64)) & 0xffffU);
    const __m512 s = _mm512_loadu_ps(sum + i);
    _mm512_storeu_ps(sum + i, _mm512_mask_sub_ps(_mm512_add_ps(s, w), mask, s, w));
  }
}
EQUAL_AVX512 void add_half_avx512(float* sum, const linalg::float16* row, float weight, std::size_t dim) {
  const __m512 w = _mm512_set1_ps(weight);
  for (std::size_t i = 0; i < dim; i += 16) {
    // The masked form with a full mask: GCC 12 warns of an uninitialised value inside the plain one.
    const __m512 x = _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i)));
    _mm512_storeu_ps(sum + i, _mm512_add_ps(_mm512_loadu_ps(sum + i), _mm512_mul_ps(w, x)));
  }
}
EQUAL_AVX512 void add_float_avx512(float* sum, const float* row, float weight, std::size_t dim) {
  const __m512 w = _mm512_set1_ps(weight);
  for (std::size_t i = 0; i < dim; i += 16) {
    _mm512_storeu_ps(sum + i, _mm512_add_ps(_mm512_loadu_ps(sum + i), _mm512_mul_ps(w, _mm512_loadu_ps(row + i))));
  }
}
#undef EQUAL_AVX2
#undef EQUAL_AVX512
#endif

const std::vector<StaticKernels>& available() {
  static const std::vector<StaticKernels> list = [] {
    std::vector<StaticKernels> out{{add_signs_portable, add_half_portable, add_float_portable, "portable"}};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {  // such a CPU has F16C, which clang 14 cannot ask for
      out.push_back({add_signs_avx2, add_half_avx2, add_float_avx2, "AVX2"});
    }
    if (__builtin_cpu_supports("avx512f")) {
      out.push_back({add_signs_avx512, add_half_avx512, add_float_avx512, "AVX-512"});
    }
#endif
    return out;
  }();
  return list;
}

}  // namespace

const StaticKernels& static_kernels() noexcept { return available().back(); }
std::size_t static_kernel_count() noexcept { return available().size(); }
const StaticKernels& static_kernel(std::size_t index) noexcept { return available()[index]; }

void make_unit(float* vector, std::size_t dim) noexcept {
  const double norm2 = linalg::dot_fixed_order({vector, dim}, {vector, dim});
  if (!(norm2 > 0)) return;
  const double scale = 1.0 / std::sqrt(norm2);
  for (std::size_t i = 0; i < dim; ++i) vector[i] = static_cast<float>(vector[i] * scale);
}

}  // namespace equal::encode
