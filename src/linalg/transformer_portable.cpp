#include "transformer_portable.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "equal/linalg/gemm.hpp"

namespace equal::linalg::portable {
namespace {

MatrixView<const float> floats(const Tensor& t, std::size_t first, std::size_t rows, std::size_t columns) {
  return {t.floats(first), rows, columns, t.stride / sizeof(float)};
}
MatrixView<float> floats(Tensor& t, std::size_t first, std::size_t rows, std::size_t columns) {
  return {t.floats(first), rows, columns, t.stride / sizeof(float)};
}

float gelu(float v) { return 0.5F * v * (1 + std::erf(v * (std::numbers::sqrt2_v<float> / 2))); }

}  // namespace

void linear(MatrixView<const float> weight, std::span<const float> bias, const Tensor& x, std::size_t x_first,
            std::size_t rows, Epilogue epilogue, Tensor& y, std::size_t y_first, const Tensor* residual) {
  const auto out = floats(y, y_first, rows, weight.rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (epilogue == Epilogue::bias_residual) {
      const float* from = residual->floats(y_first + i);
      std::transform(bias.begin(), bias.end(), from, out.row(i).begin(), std::plus<>());
    } else {
      std::ranges::copy(bias, out.row(i).begin());
    }
  }
  gemm_nt(1.0F, floats(x, x_first, rows, weight.columns), weight, 1.0F, out);
  if (epilogue != Epilogue::bias_gelu) return;
  for (std::size_t i = 0; i < rows; ++i) std::ranges::transform(out.row(i), out.row(i).begin(), gelu);
}

void attention(const Tensor& qkv, std::size_t first, std::size_t length, Heads heads, Tensor& out) {
  const std::size_t d = heads.columns, stride = qkv.stride / sizeof(float);
  Matrix<float> scores(length, length);
  for (std::size_t h = 0; h < heads.count; ++h) {
    const float* q = qkv.floats(first) + h * d;
    const MatrixView<const float> keys(q + heads.count * d, length, d, stride),
        values(q + 2 * heads.count * d, length, d, stride);
    gemm_nt(1.0F, {q, length, d, stride}, keys, 0.0F, scores.view());
    for (std::size_t i = 0; i < length; ++i) {
      const auto row = scores.row(i);
      const float top = *std::ranges::max_element(row);
      float sum = 0;
      for (float& s : row) sum += s = std::exp2(s - top);
      for (float& s : row) s /= sum;
    }
    gemm_nn(1.0F, scores.view(), values, 0.0F, {out.floats(first) + h * d, length, d, out.stride / sizeof(float)});
  }
}

void layer_norm(Tensor& x, std::size_t first, std::size_t rows, std::size_t columns, std::span<const float> gain,
                std::span<const float> offset, float epsilon) {
  const auto n = static_cast<float>(columns);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<float> row(x.floats(first + i), columns);
    float sum = 0, squares = 0;
    for (const float v : row) sum += v;
    const float mean = sum / n;
    for (const float v : row) squares += (v - mean) * (v - mean);
    const float scale = 1 / std::sqrt(squares / n + epsilon);
    for (std::size_t c = 0; c < columns; ++c) row[c] = (row[c] - mean) * scale * gain[c] + offset[c];
  }
}

}  // namespace equal::linalg::portable
