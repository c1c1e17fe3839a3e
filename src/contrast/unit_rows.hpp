// Scaling to unit length and a square map, forward and backward: what all trained encoders end in.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "equal/linalg/gemm.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::contrast {

/// z = y / |y| for each row, in place; |y| into `norms`. Zero rows stay zero.
inline void unit_rows(linalg::MatrixView<float> y, std::span<float> norms) {
  for (std::size_t i = 0; i < y.rows; ++i) {
    const double norm = std::sqrt(linalg::dot_fixed_order(y.row(i), y.row(i)));
    norms[i] = static_cast<float>(norm);
    if (!(norm > 0)) continue;
    for (float& v : y.row(i)) v = static_cast<float>(v / norm);
  }
}

/// dL/dy = (g - z (z.g)) / |y|.
inline void unit_rows_backward(linalg::MatrixView<const float> z, std::span<const float> norms,
                               linalg::MatrixView<const float> grad, linalg::MatrixView<float> out) {
  for (std::size_t i = 0; i < z.rows; ++i) {
    const double along = linalg::dot_fixed_order(z.row(i), grad.row(i));
    for (std::size_t j = 0; j < z.columns; ++j) {
      out(i, j) = norms[i] > 0 ? static_cast<float>((grad(i, j) - along * z(i, j)) / norms[i]) : 0.0F;
    }
  }
}

inline linalg::Matrix<float> identity(std::size_t n) {
  linalg::Matrix<float> out(n, n);
  for (std::size_t i = 0; i < n; ++i) out(i, i) = 1.0F;
  return out;
}

}  // namespace equal::contrast
