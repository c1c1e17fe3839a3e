// Cost matrices between two sets of vectors.
#pragma once

#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

enum class CostKind {
  euclidean,  ///< |x - y|
  cosine      ///< 1 - x.y / (|x| |y|); 1 where a vector is zero
};

/// The largest cost that two unit vectors can have: 2 for both kinds.
inline constexpr double kWorstCost = 2.0;

/// x (n,d), y (m,d), rows are unit vectors as encoders give them (float16 may have moved their length by 10^-3) ->
/// (n,m). Coordinates are first rounded to multiples of 2^-24, which float16 coordinates already are (float32: a cost
/// moves by some 10^-7). Then x.x, y.y, x.y and |x - y|^2 are multiples of 2^-48 below 32: exact in double, so the
/// result does not depend on the CPU, the BLAS or how the rows were batched. Nothing cancels: |x - y|^2 is never
/// negative and 0 exactly for equal rows. The cosine form divides by lengths that are rounded, so a quotient above 1 by
/// rounding is taken as 1. Throws DataError on a value that is not finite (naming set, row and column) or a row with
/// |x|^2 > 4, and InternalError on different d. Time O(n m d), memory (n + m) d doubles beside the result.
linalg::Matrix<double> cost_matrix(linalg::MatrixView<const float> x, linalg::MatrixView<const float> y, CostKind kind);

/// Vectors made ready once for many cost matrices: the guide, or one side of a long comparison. Owns its copy.
class CostRows {
 public:
  /// `what` names the set in messages.
  CostRows(linalg::MatrixView<const float> x, const char* what);
  std::size_t rows() const noexcept { return grid_.rows(); }
  std::size_t columns() const noexcept { return grid_.columns(); }
  const linalg::Matrix<double>& grid() const noexcept { return grid_; }
  double squared_length(std::size_t i) const noexcept { return squared_length_[i]; }

 private:
  linalg::Matrix<double> grid_;
  std::vector<double> squared_length_;
};

linalg::Matrix<double> cost_matrix(const CostRows& x, const CostRows& y, CostKind kind);

/// Lower median of all entries, in O(n m) time and as much memory: the unit of Sinkhorn's epsilon. REQUIRES: not empty.
double median(linalg::MatrixView<const double> cost);

}  // namespace equal::transport
