// f32 kernels for AVX-512 F, BW, DQ, VL.
#include "transformer_avx512.hpp"

namespace equal::linalg::kernels {
namespace {

enum { kBias, kBiasGelu, kBiasResidual };  // Epilogue

template <int Epilogue>
void linear(const LinearCall& call) {
  const std::size_t panel_bytes = call.steps * kStepBytes;
  for (std::size_t p = 0; p < call.panels; ++p) {
    const std::byte* w = call.weights + p * panel_bytes;
    const __m512 b0 = load(call.bias + 32 * p), b1 = load(call.bias + 32 * p + 16);
    for_tiles(
        call.rows, [&]<int MR>(std::size_t first) __attribute__((always_inline)) {
          __m512 sums[MR][2];
          multiply_tile<F32, MR>(call.x + first * call.x_stride, call.x_stride, w, call.steps, sums);
          EQUAL_UNROLL
          for (int r = 0; r < MR; ++r) {
            const std::size_t i = first + static_cast<std::size_t>(r);
            __m512 y0 = _mm512_add_ps(sums[r][0], b0), y1 = _mm512_add_ps(sums[r][1], b1);
            if constexpr (Epilogue == kBiasGelu) {
              y0 = GeluF32::apply(y0);
              y1 = GeluF32::apply(y1);
            }
            if constexpr (Epilogue == kBiasResidual) {
              const float* residual = as_floats(call.residual + i * call.residual_stride) + 32 * p;
              y0 = _mm512_add_ps(y0, load(residual));
              y1 = _mm512_add_ps(y1, load(residual + 16));
            }
            float* y = as_floats(call.y + i * call.y_stride) + 32 * p;
            _mm512_store_ps(y, y0);
            _mm512_store_ps(y + 16, y1);
          }
        });
  }
}

constexpr float kExp2[] = {1.00000007F,   0.693146949F,   0.240221218F,
                           0.0555074262F, 0.00967545975F, 0.00132669704F};  // 1e-7

// In place: s[0..length) -> 2^(s - max), s[length..padded) -> 0. Returns the sum.
float softmax(float* s, std::size_t length) {
  const std::size_t full = length / 16 * 16;
  const auto rest = static_cast<__mmask16>((1U << (length - full)) - 1U);
  __m512 m = _mm512_set1_ps(-3e38F);
  for (std::size_t j = 0; j < full; j += 16) m = _mm512_max_ps(m, load(s + j));
  if (rest != 0) m = _mm512_mask_max_ps(m, rest, m, load(s + full));
  const __m512 top = _mm512_set1_ps(max_lanes(m));
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t j = 0; j < full; j += 16) {
    const __m512 e = exp2(_mm512_sub_ps(load(s + j), top), kExp2);
    sum = _mm512_add_ps(sum, e);
    _mm512_store_ps(s + j, e);
  }
  std::size_t j = full;
  if (rest != 0) {
    const __m512 e = _mm512_maskz_mov_ps(rest, exp2(_mm512_sub_ps(load(s + full), top), kExp2));
    sum = _mm512_add_ps(sum, e);
    _mm512_store_ps(s + j, e);
    j += 16;
  }
  if (j % 32 != 0) _mm512_store_ps(s + j, _mm512_setzero_ps());
  return sum_lanes(sum);
}

void copy_values(const std::byte* v, std::size_t stride, std::size_t length, std::size_t columns, std::byte* out) {
  const std::size_t steps = (length + 31) / 32 * 32;
  for (std::size_t c = 0; c < columns; c += 32, out += steps * kStepBytes) {
    for (std::size_t j = 0; j < steps; ++j) {
      const float* row = as_floats(v + j * stride) + c;
      _mm512_store_ps(out + j * kStepBytes, j < length ? load(row) : _mm512_setzero_ps());
      _mm512_store_ps(out + j * kStepBytes + 64, j < length ? load(row + 16) : _mm512_setzero_ps());
    }
  }
}

}  // namespace

void linear_f32(const LinearCall& call) {
  if (call.epilogue == kBias) linear<kBias>(call);
  if (call.epilogue == kBiasGelu) linear<kBiasGelu>(call);
  if (call.epilogue == kBiasResidual) linear<kBiasResidual>(call);
}

void attention_f32(const AttentionCall& call) {
  const std::size_t d = call.head_columns, keys = (call.length + 31) / 32 * 32;
  const std::size_t score_stride = 4 * keys + 64;
  for (std::size_t h = 0; h < call.heads; ++h) {
    const std::byte* q = call.qkv + 4 * h * d;
    pack_keys(q + 4 * call.heads * d, call.qkv_stride, call.length, d, call.keys);
    copy_values(q + 8 * call.heads * d, call.qkv_stride, call.length, d, call.values);
    for_tiles(
        call.length, [&]<int MR>(std::size_t first) __attribute__((always_inline)) {
          for (std::size_t p = 0; p < keys / 32; ++p) {
            __m512 sums[MR][2];
            multiply_tile<F32, MR>(q + first * call.qkv_stride, call.qkv_stride, call.keys + p * d * kStepBytes, d,
                                   sums);
            EQUAL_UNROLL
            for (int r = 0; r < MR; ++r) {
              float* s = as_floats(call.scores + static_cast<std::size_t>(r) * score_stride) + 32 * p;
              _mm512_store_ps(s, sums[r][0]);
              _mm512_store_ps(s + 16, sums[r][1]);
            }
          }
          float scale[MR];
          for (int r = 0; r < MR; ++r) {
            scale[r] = 1.0F / softmax(as_floats(call.scores + static_cast<std::size_t>(r) * score_stride), call.length);
          }
          for (std::size_t c = 0; c < d; c += 32) {
            __m512 sums[MR][2];
            multiply_tile<F32, MR>(call.scores, score_stride, call.values + c / 32 * keys * kStepBytes, keys, sums);
            EQUAL_UNROLL
            for (int r = 0; r < MR; ++r) {
              float* y = as_floats(call.out + (first + static_cast<std::size_t>(r)) * call.out_stride) + h * d + c;
              const __m512 f = _mm512_set1_ps(scale[r]);
              _mm512_store_ps(y, _mm512_mul_ps(sums[r][0], f));
              _mm512_store_ps(y + 16, _mm512_mul_ps(sums[r][1], f));
            }
          }
        });
  }
}

void layer_norm_f32(const LayerNormCall& call) {
  normalize_rows(call, [](std::size_t, std::size_t, __m512, __m512) {});
}

}  // namespace equal::linalg::kernels
