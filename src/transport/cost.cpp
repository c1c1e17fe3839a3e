#include "equal/transport/cost.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/linalg/grid.hpp"

namespace equal::transport {

CostRows::CostRows(linalg::MatrixView<const float> x, const char* what)
    : grid_(x.rows, x.columns), squared_length_(x.rows, 0.0) {
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto in = x.row(i);
    for (std::size_t k = 0; k < in.size(); ++k) {
      if (!std::isfinite(in[k]))
        throw DataError(equal::format("transport: {}({}, {}) = {} is not finite", what, i, k, in[k]));
    }
    const auto out = grid_.row(i);
    double sum = 0.0;
    // Above 2 a coordinate spoils the length anyway, and the rounding of to_grid has a range.
    if (std::all_of(in.begin(), in.end(), [](float v) { return std::abs(v) <= 2.0F; })) {
      linalg::to_grid(in, out);
      for (const double v : out) sum += v * v;
    } else {
      sum = HUGE_VAL;
    }
    if (sum > 4.0)
      throw DataError(equal::format("transport: row {} of {} is no unit vector: its length is above 2", i, what));
    squared_length_[i] = sum;
  }
}

linalg::Matrix<double> cost_matrix(const CostRows& x, const CostRows& y, CostKind kind) {
  if (x.columns() != y.columns() && x.rows() != 0 && y.rows() != 0) {
    throw InternalError(equal::format("transport between vectors of {} and {} dimensions", x.columns(), y.columns()));
  }
  linalg::Matrix<double> cost(x.rows(), y.rows());
  linalg::gemm_nt(1.0, x.grid().view(), y.grid().view(), 0.0, cost.view());
  std::vector<double> yy(y.rows());
  for (std::size_t j = 0; j < y.rows(); ++j) yy[j] = y.squared_length(j);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double* const c = cost.row(i).data();
    const double xx = x.squared_length(i);
    if (kind == CostKind::euclidean) {
      for (std::size_t j = 0; j < yy.size(); ++j) c[j] = std::sqrt((xx + yy[j]) - 2.0 * c[j]);
    } else {
      for (std::size_t j = 0; j < yy.size(); ++j) {
        const double lengths = std::sqrt(xx * yy[j]);
        c[j] = lengths > 0.0 ? 1.0 - std::min(1.0, c[j] / lengths) : 1.0;
      }
    }
  }
  return cost;
}

linalg::Matrix<double> cost_matrix(linalg::MatrixView<const float> x, linalg::MatrixView<const float> y,
                                   CostKind kind) {
  return cost_matrix(CostRows(x, "x"), CostRows(y, "y"), kind);
}

double median(linalg::MatrixView<const double> cost) {
  std::vector<double> values;
  values.reserve(cost.rows * cost.columns);
  for (std::size_t i = 0; i < cost.rows; ++i) values.insert(values.end(), cost.row(i).begin(), cost.row(i).end());
  // cppcheck-suppress containerOutOfBounds  // REQUIRES: not empty
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace equal::transport
