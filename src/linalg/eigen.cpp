#include "equal/linalg/eigen.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/checked.hpp"

extern "C" void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
                        double* work, const int* lwork, int* iwork, const int* liwork, int* info,
                        std::size_t jobz_length, std::size_t uplo_length);

namespace equal::linalg {

void fix_sign(std::span<double> vector) noexcept {
  const auto largest =
      std::max_element(vector.begin(), vector.end(), [](double x, double y) { return std::abs(x) < std::abs(y); });
  if (largest == vector.end() || *largest >= 0) return;
  for (double& x : vector) x = -x;
}

SymmetricEigen eigen_symmetric(MatrixView<const double> a) {
  if (a.rows != a.columns) throw InternalError("eigen_symmetric: the matrix is not square");
  const std::size_t rows = a.rows;
  const int n = narrow<int>(rows, "a matrix dimension");
  SymmetricEigen out;
  out.values.resize(rows);
  out.vectors = Matrix<double>(rows, rows);
  if (n == 0) return out;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < rows; ++j) {
      const double value = j <= i ? a(i, j) : a(j, i);
      if (!std::isfinite(value)) throw DataError("eigen_symmetric: the matrix holds a value that is not finite");
      out.vectors(i, j) = value;
    }
  }
  int info = 0, lwork = -1, liwork = -1, iwork_size = 0;
  double work_size = 0;
  dsyevd_("V", "L", &n, out.vectors.values().data(), &n, out.values.data(), &work_size, &lwork, &iwork_size, &liwork,
          &info, 1, 1);
  lwork = static_cast<int>(work_size);
  liwork = iwork_size;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  // LAPACK's columns are our rows: eigenvector i comes back as row i, ascending.
  dsyevd_("V", "L", &n, out.vectors.values().data(), &n, out.values.data(), work.data(), &lwork, iwork.data(), &liwork,
          &info, 1, 1);
  if (info != 0) throw InternalError("eigen_symmetric: LAPACK dsyevd gave up with info = " + std::to_string(info));
  std::reverse(out.values.begin(), out.values.end());
  for (std::size_t i = 0; i < rows / 2; ++i) {
    std::swap_ranges(out.vectors.row(i).begin(), out.vectors.row(i).end(), out.vectors.row(rows - 1 - i).begin());
  }
  for (std::size_t i = 0; i < rows; ++i) fix_sign(out.vectors.row(i));
  return out;
}

}  // namespace equal::linalg
