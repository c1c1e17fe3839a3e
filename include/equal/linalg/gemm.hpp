// Matrix products through OpenBLAS, always on the calling thread: parallelism is ours (base/thread_pool.hpp). The last
// bits of a row depend on the shape of the product, so callers that promise equal bits fix the shapes.
#pragma once

#include <span>
#include <string>

#include "equal/linalg/matrix.hpp"

namespace equal::linalg {

/// C (m,n) = alpha A (m,k) B^T (k,n; B is (n,k)) + beta C.
void gemm_nt(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta, MatrixView<float> c);
void gemm_nt(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta, MatrixView<double> c);
/// C (m,n) = alpha A (m,k) B (k,n) + beta C.
void gemm_nn(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta, MatrixView<float> c);
void gemm_nn(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta, MatrixView<double> c);
/// C (m,n) = alpha A^T (m,k; A is (k,m)) B (k,n) + beta C.
void gemm_tn(float alpha, MatrixView<const float> a, MatrixView<const float> b, float beta, MatrixView<float> c);
void gemm_tn(double alpha, MatrixView<const double> a, MatrixView<const double> b, double beta, MatrixView<double> c);

/// Sets BLAS to one thread; called once at start-up.
void use_one_blas_thread();
/// "OpenBLAS 0.3.21 (Haswell)".
std::string blas_description();

/// Sum of x[i] y[i] in double in a fixed order, the same on every CPU and compiler.
double dot_fixed_order(std::span<const float> x, std::span<const float> y) noexcept;

}  // namespace equal::linalg
