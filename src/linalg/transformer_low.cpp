// bf16 and int8 kernels for AVX-512 F, BW, DQ, VL, BF16, VNNI.
#include "transformer_avx512.hpp"

namespace equal::linalg::kernels {
namespace {

enum { kBias, kBiasGelu, kBiasResidual };  // Epilogue

inline __m512i broadcast_word(const std::byte* p) {
  int word;
  __builtin_memcpy(&word, p, sizeof word);
  return _mm512_set1_epi32(word);
}

struct Bf16 {
  using Sum = __m512;
  static Sum zero() { return _mm512_setzero_ps(); }
  static __m512bh load_weights(const std::byte* p) { return (__m512bh)_mm512_load_si512(p); }
  static __m512bh broadcast(const std::byte* p) { return (__m512bh)broadcast_word(p); }
  static Sum add(Sum s, __m512bh x, __m512bh w) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(s) : "v"(x), "v"(w));
    return s;
  }
};

struct Int8 {
  using Sum = __m512i;
  static Sum zero() { return _mm512_setzero_si512(); }
  static __m512i load_weights(const std::byte* p) { return _mm512_load_si512(p); }
  static __m512i broadcast(const std::byte* p) { return broadcast_word(p); }
  static Sum add(Sum s, __m512i x, __m512i w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(s) : "v"(x), "v"(w));
    return s;
  }
};

// As GeluF32, |error of Phi| < 3.2e-5: below the rounding of the formats that take the result.
inline __m512 gelu(__m512 v) {
  static constexpr float kCoefficients[] = {0.398881027F,    -0.0663236502F,   0.0098158132F,
                                            -0.00111285967F, 9.49408501e-05F,  -5.86065987e-06F,
                                            2.44088013e-07F, -6.06701827e-09F, 6.7405443e-11F};
  const __m512 c = _mm512_max_ps(_mm512_min_ps(v, _mm512_set1_ps(4.0F)), _mm512_set1_ps(-4.0F));
  const __m512 phi = _mm512_fmadd_ps(polynomial(_mm512_mul_ps(c, c), kCoefficients), c, _mm512_set1_ps(0.5F));
  return _mm512_mul_ps(v, phi);
}

inline void store_bf16(std::byte* p, __m512 y0, __m512 y1) {
  _mm512_store_si512(p, (__m512i)_mm512_cvtne2ps_pbh(y1, y0));
}

template <class P, int Epilogue, bool ToBf16>
void linear(const LinearCall& call) {
  const std::size_t panel_bytes = call.steps * kStepBytes;
  for (std::size_t p = 0; p < call.panels; ++p) {
    const std::byte* w = call.weights + p * panel_bytes;
    const __m512 b0 = load(call.bias + 32 * p), b1 = load(call.bias + 32 * p + 16);
    __m512 scale0{}, scale1{}, sum0{}, sum1{};
    if constexpr (__is_same(P, Int8)) {
      scale0 = load(call.column_scale + 32 * p);
      scale1 = load(call.column_scale + 32 * p + 16);
      sum0 = load(call.column_sum + 32 * p);
      sum1 = load(call.column_sum + 32 * p + 16);
    }
    for_tiles(
        call.rows, [&]<int MR>(std::size_t first) __attribute__((always_inline)) {
          typename P::Sum sums[MR][2];
          multiply_tile<P, MR>(call.x + first * call.x_stride, call.x_stride, w, call.steps, sums);
          EQUAL_UNROLL
          for (int r = 0; r < MR; ++r) {
            const std::size_t i = first + static_cast<std::size_t>(r);
            __m512 y0, y1;
            if constexpr (__is_same(P, Int8)) {
              // sum of scale_x (code - zero) scale_w w = scale_x scale_w (sum of code w - zero sum of w)
              const __m512 zero = _mm512_set1_ps(call.x_zero[i]), scale = _mm512_set1_ps(call.x_scale[i]);
              y0 = _mm512_mul_ps(_mm512_fnmadd_ps(zero, sum0, _mm512_cvtepi32_ps(sums[r][0])), scale);
              y1 = _mm512_mul_ps(_mm512_fnmadd_ps(zero, sum1, _mm512_cvtepi32_ps(sums[r][1])), scale);
              y0 = _mm512_fmadd_ps(y0, scale0, b0);
              y1 = _mm512_fmadd_ps(y1, scale1, b1);
            } else {
              y0 = _mm512_add_ps(sums[r][0], b0);
              y1 = _mm512_add_ps(sums[r][1], b1);
            }
            if constexpr (Epilogue == kBiasGelu) {
              y0 = gelu(y0);
              y1 = gelu(y1);
            }
            if constexpr (Epilogue == kBiasResidual) {
              const float* residual = as_floats(call.residual + i * call.residual_stride) + 32 * p;
              y0 = _mm512_add_ps(y0, load(residual));
              y1 = _mm512_add_ps(y1, load(residual + 16));
            }
            if constexpr (ToBf16) {
              store_bf16(call.y + i * call.y_stride + 64 * p, y0, y1);
            } else {
              float* y = as_floats(call.y + i * call.y_stride) + 32 * p;
              _mm512_store_ps(y, y0);
              _mm512_store_ps(y + 16, y1);
            }
          }
        });
  }
}

template <class P>
void dispatch(const LinearCall& call) {
  if (call.epilogue == kBias) return call.y_is_bf16 ? linear<P, kBias, true>(call) : linear<P, kBias, false>(call);
  if (call.epilogue == kBiasGelu)
    return call.y_is_bf16 ? linear<P, kBiasGelu, true>(call) : linear<P, kBiasGelu, false>(call);
  return call.y_is_bf16 ? linear<P, kBiasResidual, true>(call) : linear<P, kBiasResidual, false>(call);
}

constexpr float kExp2[] = {0.99992894F, 0.693276242F, 0.242604051F, 0.0550886838F};  // relative error 8e-5

// s -> bf16 of 2^(s - max) in p, zero from `length` to the padding. Returns the sum before rounding.
float softmax(const float* s, std::size_t length, std::byte* p) {
  const auto mask = [&](std::size_t j) {
    return j + 16 <= length ? __mmask16{0xffff}
           : j >= length    ? __mmask16{0}
                            : static_cast<__mmask16>((1U << (length - j)) - 1U);
  };
  const std::size_t full = length / 32 * 32;
  const __m512 lowest = _mm512_set1_ps(-3e38F);
  __m512 m0 = lowest, m1 = lowest;
  for (std::size_t j = 0; j < full; j += 32) {
    m0 = _mm512_max_ps(m0, load(s + j));
    m1 = _mm512_max_ps(m1, load(s + j + 16));
  }
  if (full < length) {
    m0 = _mm512_mask_max_ps(m0, mask(full), m0, load(s + full));
    m1 = _mm512_mask_max_ps(m1, mask(full + 16), m1, load(s + full + 16));
  }
  const __m512 top = _mm512_set1_ps(max_lanes(_mm512_max_ps(m0, m1)));
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0;
  for (std::size_t j = 0; j < full; j += 32) {
    const __m512 e0 = exp2(_mm512_sub_ps(load(s + j), top), kExp2),
                 e1 = exp2(_mm512_sub_ps(load(s + j + 16), top), kExp2);
    sum0 = _mm512_add_ps(sum0, e0);
    sum1 = _mm512_add_ps(sum1, e1);
    store_bf16(p + 2 * j, e0, e1);
  }
  if (full < length) {
    const __m512 e0 = _mm512_maskz_mov_ps(mask(full), exp2(_mm512_sub_ps(load(s + full), top), kExp2));
    const __m512 e1 = _mm512_maskz_mov_ps(mask(full + 16), exp2(_mm512_sub_ps(load(s + full + 16), top), kExp2));
    sum0 = _mm512_add_ps(sum0, e0);
    sum1 = _mm512_add_ps(sum1, e1);
    store_bf16(p + 2 * full, e0, e1);
  }
  return sum_lanes(_mm512_add_ps(sum0, sum1));
}

// Pairs of value rows side by side: [columns / 32][row / 2][32][2]; rows from `length` on are zero.
void pack_values(const std::byte* v, std::size_t stride, std::size_t length, std::size_t columns, std::byte* out) {
  alignas(64) std::uint16_t first_half[32], second_half[32];
  for (unsigned i = 0; i < 32; ++i) {
    first_half[i] = static_cast<std::uint16_t>(i / 2 + (i % 2) * 32);
    second_half[i] = static_cast<std::uint16_t>(16 + i / 2 + (i % 2) * 32);
  }
  const __m512i low = _mm512_load_si512(first_half), high = _mm512_load_si512(second_half);
  const std::size_t steps = (length + 31) / 32 * 16;
  for (std::size_t c = 0; c < columns; c += 32, out += steps * kStepBytes) {
    for (std::size_t j = 0; j < steps; ++j) {
      const std::byte* row = v + 2 * j * stride + 2 * c;
      const __m512i even = 2 * j < length ? _mm512_loadu_si512(row) : _mm512_setzero_si512();
      const __m512i odd = 2 * j + 1 < length ? _mm512_loadu_si512(row + stride) : _mm512_setzero_si512();
      _mm512_store_si512(out + j * kStepBytes, _mm512_permutex2var_epi16(even, low, odd));
      _mm512_store_si512(out + j * kStepBytes + 64, _mm512_permutex2var_epi16(even, high, odd));
    }
  }
}

struct Range {
  __m512 low, high;
};

// Codes of one row: value = scale (code - zero), the range of the row spread over 0..255.
template <class Load>
inline __attribute__((always_inline)) void quantize_row(Range range, std::size_t columns, const Load& load_two,
                                                        std::byte* y, float* scale, float* zero) {
  const float high = max_lanes(range.high), low = -max_lanes(_mm512_sub_ps(_mm512_setzero_ps(), range.low));
  *scale = high > low ? (high - low) / 255.0F : 1.0F;
  const float inverse = 1.0F / *scale;
  *zero = -low * inverse;
  const __m512 factor = _mm512_set1_ps(inverse), shift = _mm512_set1_ps(*zero);
  for (std::size_t c = 0; c < columns; c += 32) {
    __m512 y0, y1;
    load_two(c, y0, y1);
    const __m512i code0 = _mm512_cvtps_epi32(_mm512_fmadd_ps(y0, factor, shift));
    const __m512i code1 = _mm512_cvtps_epi32(_mm512_fmadd_ps(y1, factor, shift));
    _mm_store_si128(reinterpret_cast<__m128i*>(y + c),
                    _mm512_cvtusepi32_epi8(_mm512_max_epi32(code0, _mm512_setzero_si512())));
    _mm_store_si128(reinterpret_cast<__m128i*>(y + c + 16),
                    _mm512_cvtusepi32_epi8(_mm512_max_epi32(code1, _mm512_setzero_si512())));
  }
}

inline void load_bf16(const std::byte* p, __m512& y0, __m512& y1) {
  const auto widen = [](const std::byte* q) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_load_si256(reinterpret_cast<const __m256i*>(q))), 16));
  };
  y0 = widen(p);
  y1 = widen(p + 32);
}

inline Range extend(Range range, __m512 y0, __m512 y1) {
  return {_mm512_min_ps(range.low, _mm512_min_ps(y0, y1)), _mm512_max_ps(range.high, _mm512_max_ps(y0, y1))};
}

}  // namespace

void linear_bf16(const LinearCall& call) { dispatch<Bf16>(call); }
void linear_int8(const LinearCall& call) { dispatch<Int8>(call); }

void attention_bf16(const AttentionCall& call) {
  const std::size_t d = call.head_columns, keys = (call.length + 31) / 32 * 32;
  const std::size_t score_stride = 4 * keys + 64, weight_stride = 2 * keys + 64;
  std::byte* weights = call.scores + kTileRows * score_stride;
  for (std::size_t h = 0; h < call.heads; ++h) {
    const std::byte* q = call.qkv + 2 * h * d;
    pack_keys(q + 2 * call.heads * d, call.qkv_stride, call.length, d / 2, call.keys);
    pack_values(q + 4 * call.heads * d, call.qkv_stride, call.length, d, call.values);
    for_tiles(
        call.length, [&]<int MR>(std::size_t first) __attribute__((always_inline)) {
          for (std::size_t p = 0; p < keys / 32; ++p) {
            __m512 sums[MR][2];
            multiply_tile<Bf16, MR>(q + first * call.qkv_stride, call.qkv_stride, call.keys + p * (d / 2) * kStepBytes,
                                    d / 2, sums);
            EQUAL_UNROLL
            for (int r = 0; r < MR; ++r) {
              float* s = as_floats(call.scores + static_cast<std::size_t>(r) * score_stride) + 32 * p;
              _mm512_store_ps(s, sums[r][0]);
              _mm512_store_ps(s + 16, sums[r][1]);
            }
          }
          float scale[MR];
          for (int r = 0; r < MR; ++r) {
            const auto row = static_cast<std::size_t>(r);
            scale[r] =
                1.0F / softmax(as_floats(call.scores + row * score_stride), call.length, weights + row * weight_stride);
          }
          for (std::size_t c = 0; c < d; c += 32) {
            __m512 sums[MR][2];
            multiply_tile<Bf16, MR>(weights, weight_stride, call.values + c / 32 * (keys / 2) * kStepBytes, keys / 2,
                                    sums);
            EQUAL_UNROLL
            for (int r = 0; r < MR; ++r) {
              const __m512 f = _mm512_set1_ps(scale[r]);
              store_bf16(call.out + (first + static_cast<std::size_t>(r)) * call.out_stride + 2 * (h * d + c),
                         _mm512_mul_ps(sums[r][0], f), _mm512_mul_ps(sums[r][1], f));
            }
          }
        });
  }
}

void layer_norm_bf16(const LayerNormCall& call) {
  normalize_rows(call, [&](std::size_t i, std::size_t c, __m512 y0, __m512 y1) {
    store_bf16(call.copy + i * call.copy_stride + 2 * c, y0, y1);
  });
}

void layer_norm_uint8(const LayerNormCall& call) {
  const std::size_t columns = (call.columns + 31) / 32 * 32;
  const Range nothing{_mm512_set1_ps(3e38F), _mm512_set1_ps(-3e38F)};
  Range range = nothing;
  normalize_rows(call, [&](std::size_t i, std::size_t c, __m512 y0, __m512 y1) {
    range = extend(range, y0, y1);
    if (c + 32 < columns) return;
    const float* x = as_floats(call.x + i * call.x_stride);
    quantize_row(
        range, columns, [&](std::size_t at, __m512& z0, __m512& z1) { z0 = load(x + at), z1 = load(x + at + 16); },
        call.copy + i * call.copy_stride, call.copy_scale + i, call.copy_zero + i);
    range = nothing;
  });
}

void quantize_bf16(const QuantizeCall& call) {
  for (std::size_t i = 0; i < call.rows; ++i) {
    const std::byte* x = call.x + i * call.x_stride;
    Range range{_mm512_set1_ps(3e38F), _mm512_set1_ps(-3e38F)};
    const auto load_two = [&](std::size_t c, __m512& y0, __m512& y1) { load_bf16(x + 2 * c, y0, y1); };
    for (std::size_t c = 0; c < call.columns; c += 32) {
      __m512 y0, y1;
      load_two(c, y0, y1);
      range = extend(range, y0, y1);
    }
    quantize_row(range, call.columns, load_two, call.y + i * call.y_stride, call.scale + i, call.zero + i);
  }
}

}  // namespace equal::linalg::kernels
