// Products and solves with symmetric and triangular matrices through BLAS and LAPACK, on the calling thread. Of a
// symmetric or lower triangular matrix only the lower triangle is read and written; what stands above it is kept.
// Shapes are checked (InternalError).
#pragma once

#include <cstddef>

#include "equal/linalg/matrix.hpp"

namespace equal::linalg {

/// c (n,n) = alpha a a' + beta c; a (n,k).
void syrk_nt(double alpha, MatrixView<const double> a, double beta, MatrixView<double> c);
/// c (n,n) = alpha a' a + beta c; a (k,n).
void syrk_tn(double alpha, MatrixView<const double> a, double beta, MatrixView<double> c);
/// c (m,n) = a s; a (m,n), s (n,n) symmetric.
void symm(MatrixView<const double> a, MatrixView<const double> s, MatrixView<double> c);
/// b (m,n) := b l; l (n,n) lower triangular.
void multiply_lower(MatrixView<const double> l, MatrixView<double> b);
/// b (n,m) := l^-1 b; l (n,n) lower triangular.
void solve_lower(MatrixView<const double> l, MatrixView<double> b);

/// a (n,n), symmetric, becomes its lower Cholesky factor. False, with `a` spoiled, when it is not positive definite.
[[nodiscard]] bool cholesky(MatrixView<double> a);

/// k (m,m), a covariance in units of the noise variance. Its last m - p rows and columns become the covariance of those
/// variables once the first p have been observed with that noise: K_nn - K_np (K_pp + I)^-1 K_pn, the rest is spoiled.
/// O(p^3/3 + n p^2 + n^2 p) for n = m - p. Throws InternalError where k is no covariance. REQUIRES: p <= m.
void condition_on_first(MatrixView<double> k, std::size_t p);

}  // namespace equal::linalg
