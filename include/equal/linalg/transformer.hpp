// The arithmetic of a transformer encoder over packed rows (one row a token, no padding): products with constant
// weights that were rearranged once for the CPU's vector units, attention, layer normalisation. Three precisions share
// one interface.
//
// On a CPU with AVX-512 every output row is a function of its own input row(s) alone, bit for bit: the terms of a
// product are added in ascending order whatever the number of rows. Elsewhere f32 runs through OpenBLAS, where that
// does not hold.
//
// All matrices here are row-major with rows and columns padded for the kernels: see Tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "equal/linalg/aligned.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::linalg {

enum class Precision {
  f32,
  bf16,  ///< products of bfloat16, sums in f32
  int8   ///< weights int8 with a scale per output, activations uint8 with scale and zero point per row, sums in int32
};
const char* name(Precision precision) noexcept;

/// Why this CPU cannot compute in `precision`, or "" when it can.
std::string why_unsupported(Precision precision);

/// Columns are padded to a multiple of this with zeros.
inline constexpr std::size_t kLanes = 32;
constexpr std::size_t padded(std::size_t columns) noexcept { return (columns + kLanes - 1) / kLanes * kLanes; }

enum class Element { f32, bf16, uint8 };

/// (rows, columns) activations in one format; zero at first. Rows start on cache lines.
struct Tensor {
  Tensor() = default;
  Tensor(Element element, std::size_t rows, std::size_t columns);
  std::byte* row(std::size_t i) noexcept { return data.as() + i * stride; }
  const std::byte* row(std::size_t i) const noexcept { return data.as() + i * stride; }
  float* floats(std::size_t i) noexcept { return reinterpret_cast<float*>(row(i)); }
  const float* floats(std::size_t i) const noexcept { return reinterpret_cast<const float*>(row(i)); }

  Element element = Element::f32;
  std::size_t rows = 0;
  std::size_t columns = 0;  ///< padded(columns asked for)
  std::size_t stride = 0;   ///< bytes from row to row
  AlignedBytes data;
  AlignedBytes row_scale;  ///< uint8 only: value = scale (code - zero)
  AlignedBytes row_zero;   ///< uint8 only: zero as float
};

enum class Epilogue { bias, bias_gelu, bias_residual };

/// Which kernels: `portable` is the plain reference that tests compare with (f32 only).
enum class Kernels { automatic, portable };

/// y = x W^T + b with W and b fixed.
class PackedLinear {
 public:
  PackedLinear() = default;
  /// weight (outputs, inputs), bias (outputs). Throws UsageError when the CPU lacks `precision`.
  PackedLinear(MatrixView<const float> weight, std::span<const float> bias, Precision precision,
               Kernels kernels = Kernels::automatic);

  /// y.row(y_first + i) = epilogue(x.row(x_first + i) W^T + b) for i < rows; for bias_residual, y += residual.row(same
  /// as y). x: f32, bf16 or uint8 as the precision says, columns padded(inputs); y: f32, or bf16 unless the precision
  /// is f32; columns padded(outputs), where padding gets zeros. gelu(v) = v Phi(v) with the normal distribution Phi,
  /// within 3e-6 in f32 and 3e-4 otherwise.
  void apply(const Tensor& x, std::size_t x_first, std::size_t rows, Epilogue epilogue, Tensor& y, std::size_t y_first,
             const Tensor* residual = nullptr) const;

  std::size_t inputs() const noexcept { return inputs_; }
  std::size_t outputs() const noexcept { return outputs_; }

 private:
  void pack_f32(MatrixView<const float> weight);
  void pack_bf16(MatrixView<const float> weight);
  void pack_int8(MatrixView<const float> weight);

  Precision precision_ = Precision::f32;
  bool portable_ = false;
  std::size_t inputs_ = 0, outputs_ = 0;
  AlignedBytes weights_;  // panels of 32 outputs: [panel][4-byte step of inputs][32]; portable: (outputs, inputs)
  AlignedBytes bias_;
  AlignedBytes column_scale_;  // int8
  AlignedBytes column_sum_;    // int8: sum of the codes of an output's weights, as float
};

/// Scratch of attention() for documents of up to `length` tokens.
class AttentionScratch {
 public:
  AttentionScratch() = default;
  AttentionScratch(std::size_t length, std::size_t head_columns);
  std::size_t length() const noexcept { return length_; }
  AlignedBytes keys, values, scores;

 private:
  std::size_t length_ = 0;
};

struct Heads {
  std::size_t count = 0;
  std::size_t columns = 0;  ///< of one head, a multiple of kLanes (padding columns of q, k, v are zero)
};

/// Softmax attention of one document: for each head h and row i of `length` rows from `first`,
/// out.row(i)[h] = sum_j p_ij v_j with p_ij proportional to 2^(q_i . k_j): the caller folds log2(e)/sqrt(d) into q.
/// qkv columns: q of all heads, then k, then v. f32 -> f32 or bf16 -> bf16.
void attention(const Tensor& qkv, std::size_t first, std::size_t length, Heads heads, Tensor& out,
               AttentionScratch& scratch, Kernels kernels = Kernels::automatic);

/// x.row(i) = (x.row(i) - mean) / sqrt(variance + epsilon) * gain + offset over `columns`, for `rows` rows from
/// `first`; also written to `copy` (same rows counted from copy_first; bf16 or uint8), when given.
void layer_norm(Tensor& x, std::size_t first, std::size_t rows, std::size_t columns, std::span<const float> gain,
                std::span<const float> offset, float epsilon, Tensor* copy, std::size_t copy_first,
                Kernels kernels = Kernels::automatic);

/// bf16 rows -> uint8 rows, each with its own scale and zero point.
void quantize(const Tensor& x, std::size_t first, std::size_t rows, Tensor& y, std::size_t y_first);

}  // namespace equal::linalg
