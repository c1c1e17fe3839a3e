// Eigen-decomposition of small dense symmetric matrices (LAPACK dsyevd through OpenBLAS), on the calling thread.
#pragma once

#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::linalg {

struct SymmetricEigen {
  std::vector<double> values;  ///< (n) descending
  Matrix<double> vectors;      ///< (n,n); row i is the unit eigenvector of values[i], its largest component positive
};

/// `a` (n,n) symmetric; the lower triangle is read. Cost: about 9 n^3 operations, 2 n^2 doubles of workspace.
/// The same bits for the same input on one kind of CPU. Throws DataError when `a` holds a value that is not finite.
SymmetricEigen eigen_symmetric(MatrixView<const double> a);

/// Flips the sign of `vector` where needed, so that its component of largest magnitude (the first of equals) is
/// positive.
void fix_sign(std::span<double> vector) noexcept;

}  // namespace equal::linalg
