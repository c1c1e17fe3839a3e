#include "equal/linalg/condition.hpp"

#include <algorithm>
#include <string>

#include <cblas.h>

#include "equal/base/checked.hpp"
#include "equal/linalg/gemm.hpp"

extern "C" void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t uplo_length);

namespace equal::linalg {

Matrix<double> condition_on_rest(MatrixView<const double> k, std::size_t n) {
  if (k.rows != k.columns || n > k.rows) throw InternalError("condition_on_rest: shapes do not fit");
  Matrix<double> out(n, n);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(k.row(i).begin(), n, out.row(i).begin());
  const std::size_t p = k.rows - n;
  if (p == 0 || n == 0) return out;
  Matrix<double> factor(p, p), w(n, p);
  for (std::size_t i = 0; i < p; ++i) {
    std::copy_n(k.row(n + i).begin() + static_cast<std::ptrdiff_t>(n), p, factor.row(i).begin());
    factor(i, i) += 1.0;
  }
  for (std::size_t i = 0; i < n; ++i)
    std::copy_n(k.row(i).begin() + static_cast<std::ptrdiff_t>(n), p, w.row(i).begin());
  // LAPACK's upper factor by columns is our lower factor L by rows.
  const int size = narrow<int>(p, "a matrix dimension");
  int info = 0;
  dpotrf_("U", &size, factor.values().data(), &size, &info, 1);
  if (info != 0) throw InternalError("condition_on_rest: no covariance (dpotrf: info = " + std::to_string(info) + ")");
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, narrow<int>(n, "a matrix dimension"),
              size, 1.0, factor.values().data(), size, w.values().data(), size);
  gemm_nt(-1.0, w.view(), w.view(), 1.0, out.view());
  return out;
}

}  // namespace equal::linalg
