#include "equal/linalg/symmetric.hpp"

#include <string>

#include <cblas.h>

#include "equal/base/checked.hpp"

// LAPACK's upper factor by columns is our lower factor by rows.
extern "C" void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t uplo_length);

namespace equal::linalg {
namespace {

blasint blas_size(std::size_t n) { return narrow<blasint>(n, "a matrix dimension"); }

void require_fit(bool shapes_fit) {
  if (!shapes_fit) throw InternalError("product with a symmetric or triangular matrix of shapes that do not match");
}

void solve_lower_transposed_right(MatrixView<const double> l, MatrixView<double> b) {  // b := b l'^-1
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, blas_size(b.rows), blas_size(b.columns),
              1.0, l.data, blas_size(l.stride), b.data, blas_size(b.stride));
}

}  // namespace

void syrk_nt(double alpha, MatrixView<const double> a, double beta, MatrixView<double> c) {
  require_fit(c.rows == c.columns && a.rows == c.rows);
  if (c.rows == 0) return;
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, blas_size(c.rows), blas_size(a.columns), alpha, a.data,
              blas_size(a.stride), beta, c.data, blas_size(c.stride));
}

void syrk_tn(double alpha, MatrixView<const double> a, double beta, MatrixView<double> c) {
  require_fit(c.rows == c.columns && a.columns == c.rows);
  if (c.rows == 0) return;
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, blas_size(c.rows), blas_size(a.rows), alpha, a.data,
              blas_size(a.stride), beta, c.data, blas_size(c.stride));
}

void symm(MatrixView<const double> a, MatrixView<const double> s, MatrixView<double> c) {
  require_fit(s.rows == s.columns && a.columns == s.rows && c.rows == a.rows && c.columns == a.columns);
  if (c.rows == 0 || c.columns == 0) return;
  cblas_dsymm(CblasRowMajor, CblasRight, CblasLower, blas_size(c.rows), blas_size(c.columns), 1.0, s.data,
              blas_size(s.stride), a.data, blas_size(a.stride), 0.0, c.data, blas_size(c.stride));
}

void multiply_lower(MatrixView<const double> l, MatrixView<double> b) {
  require_fit(l.rows == l.columns && b.columns == l.rows);
  if (b.rows == 0 || b.columns == 0) return;
  cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, blas_size(b.rows),
              blas_size(b.columns), 1.0, l.data, blas_size(l.stride), b.data, blas_size(b.stride));
}

void solve_lower(MatrixView<const double> l, MatrixView<double> b) {
  require_fit(l.rows == l.columns && b.rows == l.rows);
  if (b.rows == 0 || b.columns == 0) return;
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, blas_size(b.rows), blas_size(b.columns),
              1.0, l.data, blas_size(l.stride), b.data, blas_size(b.stride));
}

bool cholesky(MatrixView<double> a) {
  require_fit(a.rows == a.columns);
  if (a.rows == 0) return true;
  const int n = narrow<int>(a.rows, "a matrix dimension"), stride = narrow<int>(a.stride, "a matrix dimension");
  int info = 0;
  dpotrf_("U", &n, a.data, &stride, &info, 1);
  return info == 0;
}

void condition_on_first(MatrixView<double> k, std::size_t p) {
  require_fit(k.rows == k.columns && p <= k.rows);
  const std::size_t n = k.rows - p;
  if (p == 0 || n == 0) return;
  for (std::size_t i = 0; i < p; ++i) k(i, i) += 1.0;
  const MatrixView<double> first(k.data, p, p, k.stride), cross(&k(p, 0), n, p, k.stride),
      rest(&k(p, p), n, n, k.stride);
  if (!cholesky(first)) throw InternalError("condition_on_first: no covariance");
  solve_lower_transposed_right(first, cross);
  syrk_nt(-1.0, cross, 1.0, rest);
}

}  // namespace equal::linalg
