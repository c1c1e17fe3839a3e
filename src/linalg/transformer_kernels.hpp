// Plain arguments of the vector kernels. Included by files with special compiler flags: nothing here may define a
// function that other files share (the linker could keep the version that needs AVX-512).
#pragma once

#include <cstddef>
#include <cstdint>

namespace equal::linalg::kernels {

// Rows of a tile: 12 x 2 sums, 2 vectors of weights and 1 broadcast take 27 of 32 registers.
inline constexpr std::size_t kTileRows = 12;

struct LinearCall {
  const std::byte* x;
  std::size_t x_stride;
  const float* x_scale;  // uint8 only
  const float* x_zero;   // uint8 only
  std::size_t rows;
  const std::byte* weights;  // [panel][step][32 x 4 bytes]
  std::size_t steps;         // padded inputs in units of 4 bytes
  std::size_t panels;
  const float* bias;
  const float* column_scale;  // int8 only
  const float* column_sum;    // int8 only
  std::byte* y;
  std::size_t y_stride;
  bool y_is_bf16;
  int epilogue;               // Epilogue as int
  const std::byte* residual;  // f32
  std::size_t residual_stride;
};

struct AttentionCall {
  const std::byte* qkv;
  std::size_t qkv_stride;
  std::size_t length;
  std::size_t heads;
  std::size_t head_columns;
  std::byte* out;
  std::size_t out_stride;
  std::byte* keys;    // scratch
  std::byte* values;  // scratch
  std::byte* scores;  // scratch
};

struct LayerNormCall {
  std::byte* x;
  std::size_t x_stride;
  std::size_t rows;
  std::size_t columns;
  const float* gain;
  const float* offset;
  float epsilon;
  std::byte* copy;  // or null
  std::size_t copy_stride;
  float* copy_scale;
  float* copy_zero;
};

struct QuantizeCall {
  const std::byte* x;  // bf16
  std::size_t x_stride;
  std::size_t rows;
  std::size_t columns;  // padded
  std::byte* y;
  std::size_t y_stride;
  float* scale;
  float* zero;
};

// AVX-512 F, BW, DQ, VL
void linear_f32(const LinearCall& call);
void attention_f32(const AttentionCall& call);
void layer_norm_f32(const LayerNormCall& call);
// and BF16, VNNI
void linear_bf16(const LinearCall& call);
void linear_int8(const LinearCall& call);
void attention_bf16(const AttentionCall& call);
void layer_norm_bf16(const LayerNormCall& call);
void layer_norm_uint8(const LayerNormCall& call);
void quantize_bf16(const QuantizeCall& call);

}  // namespace equal::linalg::kernels
