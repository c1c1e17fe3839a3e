#include "exact.hpp"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace equal::cluster {
namespace {

double widen_one(float v) noexcept { return static_cast<double>(v); }
double widen_one(float16 v) noexcept { return static_cast<double>(linalg::to_float32(v)); }

template <class X, class C>
double dot_plain(const X* x, const C* c, std::size_t first, std::size_t n) noexcept {
  double sum = 0;
  for (std::size_t i = first; i < n; ++i) sum += widen_one(x[i]) * widen_one(c[i]);
  return sum;
}

void add_plain(const float16* row, std::int64_t sign, std::int64_t* sum, std::size_t first, std::size_t n) noexcept {
  for (std::size_t i = first; i < n; ++i)
    sum[i] += sign * static_cast<std::int64_t>(linalg::to_float32(row[i]) * 0x1p24F);
}

#if defined(__x86_64__)
bool has_avx512() noexcept {
  static const bool value = __builtin_cpu_supports("avx512f");  // these CPUs convert float16 too
  return value;
}

#define EQUAL_AVX512 __attribute__((target("avx512f,f16c")))
EQUAL_AVX512 inline __m512d widen(const float* p) noexcept { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
EQUAL_AVX512 inline __m512d widen(const float16* p) noexcept {
  return _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

template <class X, class C>
EQUAL_AVX512 double dot_avx512(const X* x, const C* c, std::size_t n) noexcept {
  __m512d s0 = _mm512_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    s0 = _mm512_fmadd_pd(widen(x + i), widen(c + i), s0);
    s1 = _mm512_fmadd_pd(widen(x + i + 8), widen(c + i + 8), s1);
    s2 = _mm512_fmadd_pd(widen(x + i + 16), widen(c + i + 16), s2);
    s3 = _mm512_fmadd_pd(widen(x + i + 24), widen(c + i + 24), s3);
  }
  return _mm512_reduce_add_pd(_mm512_add_pd(_mm512_add_pd(s0, s1), _mm512_add_pd(s2, s3))) + dot_plain(x, c, i, n);
}

EQUAL_AVX512 void add_avx512(const float16* row, std::int64_t sign, std::int64_t* sum, std::size_t n) noexcept {
  const __m512 unit = _mm512_set1_ps(sign < 0 ? -0x1p24F : 0x1p24F);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 value = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i)));
    const __m512i integers = _mm512_cvtps_epi32(_mm512_mul_ps(value, unit));
    std::int64_t* low = sum + i;
    std::int64_t* high = sum + i + 8;
    _mm512_storeu_si512(
        low, _mm512_add_epi64(_mm512_loadu_si512(low), _mm512_cvtepi32_epi64(_mm512_castsi512_si256(integers))));
    _mm512_storeu_si512(high, _mm512_add_epi64(_mm512_loadu_si512(high),
                                               _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(integers, 1))));
  }
  add_plain(row, sign, sum, i, n);
}
#endif

template <class X, class C>
double dot(const X* x, const C* c, std::size_t n) noexcept {
#if defined(__x86_64__)
  if (has_avx512()) return dot_avx512(x, c, n);
#endif
  return dot_plain(x, c, 0, n);
}

}  // namespace

double exact_dot(const float* x, const float* c, std::size_t n) noexcept { return dot(x, c, n); }
double exact_dot(const float16* x, const float* c, std::size_t n) noexcept { return dot(x, c, n); }
double exact_norm2(const float16* x, std::size_t n) noexcept { return dot(x, x, n); }

void add_row(const float16* row, std::int64_t sign, std::int64_t* sum, std::size_t n) noexcept {
#if defined(__x86_64__)
  if (has_avx512()) return add_avx512(row, sign, sum, n);
#endif
  add_plain(row, sign, sum, 0, n);
}

bool is_valid_row(const float16* row, std::size_t n) noexcept {
  std::int16_t largest = 0;  // magnitudes order as their bits; 1.0 is 0x3c00, infinity and NaN are above
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, static_cast<std::int16_t>(row[i] & 0x7fff));
  return largest <= 0x3c00 && exact_norm2(row, n) <= 2.0;
}

std::int64_t to_fixed(double value) noexcept { return std::llrint(value / kPotentialUnit); }

std::int64_t rounded_mean(std::int64_t sum, std::int64_t count) noexcept {
  const std::int64_t magnitude = sum < 0 ? -sum : sum;
  const std::int64_t quotient = (magnitude + count / 2) / count;
  return sum < 0 ? -quotient : quotient;
}

}  // namespace equal::cluster
