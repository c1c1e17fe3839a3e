#include "bounds_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#define EQUAL_AVX512BW __attribute__((target("avx512f,avx512bw,avx512vl")))
#endif

namespace equal::cluster {
namespace {

bool take_drift_plain(std::uint16_t* lower, const std::uint16_t* drift, std::uint16_t upper, std::size_t n) noexcept {
  bool any = false;
  for (std::size_t g = 0; g < n; ++g) {
    lower[g] = static_cast<std::uint16_t>(lower[g] > drift[g] ? lower[g] - drift[g] : 0);
    any |= lower[g] <= upper;
  }
  return any;
}

/// The lowest n bits.
std::uint32_t within(std::size_t n) noexcept { return n >= 32 ? ~0U : (1U << n) - 1U; }

std::size_t find_needed_plain(const std::uint16_t* lower, std::uint16_t upper, std::size_t n,
                              std::uint32_t* words) noexcept {
  std::size_t count = 0;
  for (std::size_t w = 0; w * 32 < n; ++w) {
    words[w] = 0;
    for (std::size_t b = 0; b < 32; ++b) words[w] |= static_cast<std::uint32_t>(lower[w * 32 + b] <= upper) << b;
    words[w] &= within(n - w * 32);
    count += static_cast<std::size_t>(std::popcount(words[w]));
  }
  return count;
}

void lane_minima_plain(const float* scores, std::size_t first, std::size_t pairs, float* out) noexcept {
  for (std::size_t p = first; p < pairs; ++p) out[p] = *std::min_element(scores + p * 16, scores + p * 16 + 16);
}

void to_lower_bounds_plain(const float* scores, float norm2, std::size_t first, std::size_t n,
                           std::uint16_t* out) noexcept {
  for (std::size_t i = first; i < n; ++i) {
    out[i] = static_cast<std::uint16_t>(std::min(65535.0F, std::sqrt(std::max(0.0F, norm2 + scores[i])) * 0x1p15F));
  }
}

#if defined(__x86_64__)
bool has_avx512bw() noexcept {
  static const bool value =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return value;
}

EQUAL_AVX512BW bool take_drift_avx512(std::uint16_t* lower, const std::uint16_t* drift, std::uint16_t upper,
                                      std::size_t n) noexcept {
  const __m512i limit = _mm512_set1_epi16(static_cast<short>(upper));
  __mmask32 any = 0;
  for (std::size_t g = 0; g < n; g += 32) {
    const __m512i value = _mm512_subs_epu16(_mm512_loadu_si512(lower + g), _mm512_loadu_si512(drift + g));
    _mm512_storeu_si512(lower + g, value);
    any |= _mm512_cmple_epu16_mask(value, limit);
  }
  return any != 0;
}

EQUAL_AVX512BW std::size_t find_needed_avx512(const std::uint16_t* lower, std::uint16_t upper, std::size_t n,
                                              std::uint32_t* words) noexcept {
  const __m512i limit = _mm512_set1_epi16(static_cast<short>(upper));
  std::size_t count = 0;
  for (std::size_t w = 0; w * 32 < n; ++w) {
    words[w] = _mm512_cmple_epu16_mask(_mm512_loadu_si512(lower + w * 32), limit) & within(n - w * 32);
    count += static_cast<std::size_t>(std::popcount(words[w]));
  }
  return count;
}

// Sixteen vectors are folded into one of their minima: each step halves the vectors and keeps every lane busy.
EQUAL_AVX512BW void lane_minima_avx512(const float* scores, std::size_t pairs, float* out) noexcept {
  std::size_t p = 0;
  for (; p + 16 <= pairs; p += 16) {
    __m512 quad[4];
    for (std::size_t q = 0; q < 4; ++q) {
      const float* at = scores + (p + 4 * q) * 16;
      const __m512 a = _mm512_loadu_ps(at), b = _mm512_loadu_ps(at + 16), c = _mm512_loadu_ps(at + 32),
                   d = _mm512_loadu_ps(at + 48);
      const __m512 ab = _mm512_min_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));  // a b a b in each 128 bits
      const __m512 cd = _mm512_min_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
      quad[q] =
          _mm512_min_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));  // a b c d in each 128 bits
    }
    const __m512 low =
        _mm512_min_ps(_mm512_shuffle_f32x4(quad[0], quad[1], 0x44), _mm512_shuffle_f32x4(quad[0], quad[1], 0xee));
    const __m512 high =
        _mm512_min_ps(_mm512_shuffle_f32x4(quad[2], quad[3], 0x44), _mm512_shuffle_f32x4(quad[2], quad[3], 0xee));
    // low: parts 0 0 1 1 of 128 bits, two halves each still to fold; high: 2 2 3 3
    const __m512 even = _mm512_shuffle_f32x4(low, high, 0x88), odd = _mm512_shuffle_f32x4(low, high, 0xdd);
    _mm512_storeu_ps(out + p, _mm512_min_ps(even, odd));
  }
  lane_minima_plain(scores, p, pairs, out);
}

EQUAL_AVX512BW void to_lower_bounds_avx512(const float* scores, float norm2, std::size_t n,
                                           std::uint16_t* out) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512 square =
        _mm512_max_ps(_mm512_setzero_ps(), _mm512_add_ps(_mm512_set1_ps(norm2), _mm512_loadu_ps(scores + i)));
    const __m512 units =
        _mm512_min_ps(_mm512_set1_ps(65535.0F), _mm512_mul_ps(_mm512_sqrt_ps(square), _mm512_set1_ps(0x1p15F)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm512_cvtepi32_epi16(_mm512_cvttps_epi32(units)));
  }
  to_lower_bounds_plain(scores, norm2, i, n, out);
}
#endif

}  // namespace

#if defined(__x86_64__)
bool take_drift(std::uint16_t* lower, const std::uint16_t* drift, std::uint16_t upper, std::size_t n) noexcept {
  return has_avx512bw() ? take_drift_avx512(lower, drift, upper, n) : take_drift_plain(lower, drift, upper, n);
}
std::size_t find_needed(const std::uint16_t* lower, std::uint16_t upper, std::size_t n, std::uint32_t* words) noexcept {
  return has_avx512bw() ? find_needed_avx512(lower, upper, n, words) : find_needed_plain(lower, upper, n, words);
}
void lane_minima(const float* scores, std::size_t pairs, float* out) noexcept {
  has_avx512bw() ? lane_minima_avx512(scores, pairs, out) : lane_minima_plain(scores, 0, pairs, out);
}
void to_lower_bounds(const float* scores, float norm2, std::size_t n, std::uint16_t* out) noexcept {
  has_avx512bw() ? to_lower_bounds_avx512(scores, norm2, n, out) : to_lower_bounds_plain(scores, norm2, 0, n, out);
}
#else
bool take_drift(std::uint16_t* lower, const std::uint16_t* drift, std::uint16_t upper, std::size_t n) noexcept {
  return take_drift_plain(lower, drift, upper, n);
}
std::size_t find_needed(const std::uint16_t* lower, std::uint16_t upper, std::size_t n, std::uint32_t* words) noexcept {
  return find_needed_plain(lower, upper, n, words);
}
void lane_minima(const float* scores, std::size_t pairs, float* out) noexcept {
  lane_minima_plain(scores, 0, pairs, out);
}
void to_lower_bounds(const float* scores, float norm2, std::size_t n, std::uint16_t* out) noexcept {
  to_lower_bounds_plain(scores, norm2, 0, n, out);
}
#endif

}  // namespace equal::cluster
