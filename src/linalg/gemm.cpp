#include "equal/linalg/gemm.hpp"

#include <cblas.h>

#include "equal/base/checked.hpp"

namespace equal::linalg {
namespace {

blasint as_blas(std::size_t n) { return narrow<blasint>(n, "a matrix dimension"); }

template <class T>
void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, T alpha, MatrixView<const T> a, MatrixView<const T> b, T beta,
          MatrixView<T> c) {
  if (c.rows == 0 || c.columns == 0) return;
  const std::size_t depth = ta == CblasNoTrans ? a.columns : a.rows;
  const std::size_t m = ta == CblasNoTrans ? a.rows : a.columns;
  const std::size_t n = tb == CblasNoTrans ? b.columns : b.rows;
  const std::size_t depth_b = tb == CblasNoTrans ? b.rows : b.columns;
  if (m != c.rows || n != c.columns || depth != depth_b)
    throw InternalError("matrix product of shapes that do not match");
  if constexpr (std::is_same_v<T, float>) {
    cblas_sgemm(CblasRowMajor, ta, tb, as_blas(m), as_blas(n), as_blas(depth), alpha, a.data, as_blas(a.stride), b.data,
                as_blas(b.stride), beta, c.data, as_blas(c.stride));
  } else {
    cblas_dgemm(CblasRowMajor, ta, tb, as_blas(m), as_blas(n), as_blas(depth), alpha, a.data, as_blas(a.stride), b.data,
                as_blas(b.stride), beta, c.data, as_blas(c.stride));
  }
}

}  // namespace

void gemm_nt(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta, MatrixView<float> c) {
  gemm<float>(CblasNoTrans, CblasTrans, alpha, a, b, beta, c);
}
void gemm_nt(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta, MatrixView<double> c) {
  gemm<double>(CblasNoTrans, CblasTrans, alpha, a, b, beta, c);
}
void gemm_nn(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta, MatrixView<float> c) {
  gemm<float>(CblasNoTrans, CblasNoTrans, alpha, a, b, beta, c);
}
void gemm_nn(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta, MatrixView<double> c) {
  gemm<double>(CblasNoTrans, CblasNoTrans, alpha, a, b, beta, c);
}
void gemm_tn(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta, MatrixView<float> c) {
  gemm<float>(CblasTrans, CblasNoTrans, alpha, a, b, beta, c);
}
void gemm_tn(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta, MatrixView<double> c) {
  gemm<double>(CblasTrans, CblasNoTrans, alpha, a, b, beta, c);
}

void use_one_blas_thread() { openblas_set_num_threads(1); }

std::string blas_description() {
  const std::string config = openblas_get_config();
  return config.substr(0, config.find(' ', config.find(' ') + 1)) + " (" + openblas_get_corename() + ")";
}

double dot_fixed_order(std::span<const float> x, std::span<const float> y) noexcept {
  // Eight running sums, combined in a fixed tree: vectorisable, and one order everywhere.
  double s[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) s[j] += static_cast<double>(x[i + j]) * static_cast<double>(y[i + j]);
  }
  for (std::size_t j = 0; i < x.size(); ++i, ++j) s[j] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

}  // namespace equal::linalg
