// Building blocks of the AVX-512 kernels, for transformer_f32.cpp and transformer_low.cpp, which are compiled for that
// instruction set. Everything is in an unnamed namespace and includes no other inline code: see
// transformer_kernels.hpp.
//
// The product kernel keeps a tile of MR x 32 sums in registers. A step is four bytes of a row of x (one float, two
// bfloat16 or four uint8), broadcast to all lanes, times 32 x four bytes of packed weights: the three precisions differ
// in one instruction.
#pragma once

#include <immintrin.h>

#include "transformer_kernels.hpp"

#if defined(__clang__)
#define EQUAL_UNROLL _Pragma("unroll")
#else
#define EQUAL_UNROLL _Pragma("GCC unroll 16")
#endif

namespace equal::linalg::kernels {
namespace {

constexpr std::size_t kStepBytes = 128;  // 32 lanes of 4 bytes

inline __m512 load(const float* p) { return _mm512_loadu_ps(p); }
inline const float* as_floats(const std::byte* p) { return reinterpret_cast<const float*>(p); }
inline float* as_floats(std::byte* p) { return reinterpret_cast<float*>(p); }

// One precision: how a step is added to a sum. Assembly, because GCC 12 otherwise lets sums wander between registers (a
// fifth of the instructions of the int8 loop were copies and spills).
struct F32 {
  using Sum = __m512;
  static Sum zero() { return _mm512_setzero_ps(); }
  static __m512 load_weights(const std::byte* p) { return _mm512_load_ps(p); }
  static __m512 broadcast(const std::byte* p) { return _mm512_set1_ps(*reinterpret_cast<const float*>(p)); }
  static Sum add(Sum s, __m512 x, __m512 w) {
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(s) : "v"(x), "v"(w));
    return s;
  }
};

// sums[r][0..1] += x rows times one panel of weights. MR rows at x, x_stride apart.
template <class P, int MR>
inline __attribute__((always_inline)) void multiply_tile(const std::byte* x, std::size_t x_stride, const std::byte* w,
                                                         std::size_t steps, typename P::Sum (&sums)[MR][2]) {
  EQUAL_UNROLL
  for (int r = 0; r < MR; ++r) sums[r][0] = sums[r][1] = P::zero();
  // Rows are reached from every third one, so that few address registers are needed.
  const std::byte* base[4];
  EQUAL_UNROLL
  for (int g = 0; g < 4; ++g) base[g] = x + static_cast<std::size_t>(3 * g) * x_stride;
  for (std::size_t s = 0; s < steps; s += 4) {  // steps is a multiple of 8: columns are padded to 32
    EQUAL_UNROLL
    for (int u = 0; u < 4; ++u) {
      const auto w0 = P::load_weights(w + static_cast<std::size_t>(u) * kStepBytes);
      const auto w1 = P::load_weights(w + static_cast<std::size_t>(u) * kStepBytes + 64);
      EQUAL_UNROLL
      for (int r = 0; r < MR; ++r) {
        const auto v =
            P::broadcast(base[r / 3] + static_cast<std::size_t>(r % 3) * x_stride + 4 * static_cast<std::size_t>(u));
        sums[r][0] = P::add(sums[r][0], v, w0);
        sums[r][1] = P::add(sums[r][1], v, w1);
      }
    }
    w += 4 * kStepBytes;
    EQUAL_UNROLL
    for (int g = 0; g < 4; ++g) base[g] += 16;
  }
}

// Calls f.template operator()<MR>(first row) over all rows in tiles of up to kTileRows.
template <class F>
inline __attribute__((always_inline)) void for_tiles(std::size_t rows, const F& f) {
  std::size_t i = 0;
  for (; i + 12 <= rows; i += 12) f.template operator()<12>(i);
  switch (rows - i) {
    case 1:
      f.template operator()<1>(i);
      break;
    case 2:
      f.template operator()<2>(i);
      break;
    case 3:
      f.template operator()<3>(i);
      break;
    case 4:
      f.template operator()<4>(i);
      break;
    case 5:
      f.template operator()<5>(i);
      break;
    case 6:
      f.template operator()<6>(i);
      break;
    case 7:
      f.template operator()<7>(i);
      break;
    case 8:
      f.template operator()<8>(i);
      break;
    case 9:
      f.template operator()<9>(i);
      break;
    case 10:
      f.template operator()<10>(i);
      break;
    case 11:
      f.template operator()<11>(i);
      break;
    default:
      break;
  }
}

template <int N>
inline __attribute__((always_inline)) __m512 polynomial(__m512 t, const float (&c)[N]) {
  __m512 y = _mm512_set1_ps(c[N - 1]);
  EQUAL_UNROLL
  for (int i = N - 2; i >= 0; --i) y = _mm512_fmadd_ps(y, t, _mm512_set1_ps(c[i]));
  return y;
}

// v Phi(v). Phi(v) - 1/2 = v Q(v^2) on |v| <= c, constant beyond; Q fitted in the Chebyshev sense to |v| times its
// error.
struct GeluF32 {  // |error of Phi| < 2.1e-7 in f32; in t = 2 v^2 / c^2 - 1, where the coefficients do not cancel
  static constexpr float kLimit = 5.4F;
  static constexpr float kCoefficients[] = {0.130928114F,   -0.0653279834F,   0.0484994018F,  -0.0392093246F,
                                            0.03212103F,    -0.02572183F,     0.0196087858F,  -0.0140648204F,
                                            0.00978675821F, -0.00651521668F,  0.00340805058F, -0.00137327239F,
                                            0.00109927655F, -0.000962024964F, 0.000315644173F};
  static __m512 apply(__m512 v) {
    const __m512 c = _mm512_max_ps(_mm512_min_ps(v, _mm512_set1_ps(kLimit)), _mm512_set1_ps(-kLimit));
    const __m512 t = _mm512_fmadd_ps(_mm512_mul_ps(c, c), _mm512_set1_ps(2 / (kLimit * kLimit)), _mm512_set1_ps(-1));
    const __m512 phi = _mm512_fmadd_ps(polynomial(t, kCoefficients), c, _mm512_set1_ps(0.5F));
    return _mm512_mul_ps(v, phi);
  }
};

// 2^t. The fraction is in [-1/2, 1/2]; scalef gives 0 for t far below.
template <int N>
inline __attribute__((always_inline)) __m512 exp2(__m512 t, const float (&c)[N]) {
  const __m512 whole = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_scalef_ps(polynomial(_mm512_sub_ps(t, whole), c), whole);
}

// Fixed order of additions, the same in every compiler.
inline float sum_lanes(__m512 v) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float max_lanes(__m512 v) {
  const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

// out[j][i] = in[i][j] for 16 x 16 words; rows in_stride and out_stride bytes apart.
inline void transpose16(const std::byte* in, std::size_t in_stride, std::byte* out, std::size_t out_stride) {
  __m512i r[16], t[16];
  EQUAL_UNROLL
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(in + static_cast<std::size_t>(i) * in_stride);
  EQUAL_UNROLL
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  EQUAL_UNROLL
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  EQUAL_UNROLL
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  EQUAL_UNROLL
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
  EQUAL_UNROLL
  for (int i = 0; i < 16; ++i) _mm512_storeu_si512(out + static_cast<std::size_t>(i) * out_stride, r[i]);
}

// Keys of one head, `words` words a row -> panels [32 keys]: [word][32]. Rows at and after `length` count as zero.
inline void pack_keys(const std::byte* k, std::size_t stride, std::size_t length, std::size_t words, std::byte* out) {
  alignas(64) std::byte rest[16 * 64];
  for (std::size_t j = 0; j < length; j += 16) {
    std::byte* panel = out + (j / 32) * words * kStepBytes + (j % 32) * 4;
    for (std::size_t c = 0; c < words; c += 16) {
      const std::byte* block = k + j * stride + 4 * c;
      std::size_t block_stride = stride;
      if (length - j < 16) {
        for (std::size_t i = 0; i < 16; ++i) {
          _mm512_store_si512(rest + 64 * i,
                             i < length - j ? _mm512_loadu_si512(block + i * stride) : _mm512_setzero_si512());
        }
        block = rest;
        block_stride = 64;
      }
      transpose16(block, block_stride, panel + c * kStepBytes, kStepBytes);
    }
  }
  if (length % 32 != 0 && length % 32 <= 16) {  // the last panel's second half
    std::byte* panel = out + (length / 32) * words * kStepBytes + 64;
    for (std::size_t c = 0; c < words; ++c) _mm512_store_si512(panel + c * kStepBytes, _mm512_setzero_si512());
  }
}

// Layer normalisation in place; then take(row, column, y0, y1) for each 32 normalised columns (padding columns are
// zero).
template <class F>
inline __attribute__((always_inline)) void normalize_rows(const LayerNormCall& call, const F& take) {
  const auto mask = [&](std::size_t c) {
    const std::size_t n = call.columns - c;
    return c >= call.columns ? __mmask16{0} : static_cast<__mmask16>(n >= 16 ? 0xffffU : (1U << n) - 1U);
  };
  const float n = static_cast<float>(call.columns);
  for (std::size_t i = 0; i < call.rows; ++i) {
    float* x = as_floats(call.x + i * call.x_stride);
    __m512 sum = _mm512_setzero_ps();
    for (std::size_t c = 0; c < call.columns; c += 16) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask(c), x + c));
    const __m512 mean = _mm512_set1_ps(sum_lanes(sum) / n);
    __m512 squares = _mm512_setzero_ps();
    for (std::size_t c = 0; c < call.columns; c += 16) {
      const __m512 d = _mm512_maskz_sub_ps(mask(c), load(x + c), mean);
      squares = _mm512_fmadd_ps(d, d, squares);
    }
    const __m512 variance = _mm512_set1_ps(sum_lanes(squares) / n + call.epsilon);
    const __m512 scale = _mm512_div_ps(_mm512_set1_ps(1.0F), _mm512_sqrt_ps(variance));
    for (std::size_t c = 0; c < call.columns; c += 32) {
      const auto normalized = [&](std::size_t at) {
        const __mmask16 m = mask(at);
        const __m512 d = _mm512_mul_ps(_mm512_maskz_sub_ps(m, load(x + at), mean), scale);
        return _mm512_fmadd_ps(d, _mm512_maskz_loadu_ps(m, call.gain + at), _mm512_maskz_loadu_ps(m, call.offset + at));
      };
      const __m512 y0 = normalized(c), y1 = normalized(c + 16);
      _mm512_store_ps(x + c, y0);
      _mm512_store_ps(x + c + 16, y1);
      take(i, c, y0, y1);
    }
  }
}

}  // namespace
}  // namespace equal::linalg::kernels
