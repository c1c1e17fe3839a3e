#include "equal/linalg/eigen.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

namespace equal::linalg {
namespace {

TEST(EigenSymmetric, RebuildsTheMatrixFromOrthonormalVectorsInDescendingOrder) {
  RandomStream r(1, "eigen");
  for (const std::size_t n : {1U, 2U, 7U, 60U}) {
    Matrix<double> a(n, n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) a(i, j) = a(j, i) = r.normal();
    }
    const Matrix<double>& fixed = a;
    const auto e = eigen_symmetric(fixed.view());
    for (std::size_t i = 0; i + 1 < n; ++i) EXPECT_GE(e.values[i], e.values[i + 1]);
    for (std::size_t i = 0; i < n; ++i) {
      double largest = 0;
      for (std::size_t j = 0; j < n; ++j) {
        double rebuilt = 0, dot = 0;
        for (std::size_t k = 0; k < n; ++k) {
          rebuilt += e.values[k] * e.vectors(k, i) * e.vectors(k, j);
          dot += e.vectors(i, k) * e.vectors(j, k);
        }
        EXPECT_NEAR(rebuilt, a(i, j), 1e-12 * static_cast<double>(n));
        EXPECT_NEAR(dot, i == j ? 1 : 0, 1e-13 * static_cast<double>(n));
        if (std::abs(e.vectors(i, j)) > std::abs(largest)) largest = e.vectors(i, j);
      }
      EXPECT_GT(largest, 0);
    }
  }
}

TEST(EigenSymmetric, HandMadeCaseReadsTheLowerTriangle) {
  Matrix<double> a(2, 2);
  a(0, 0) = 2, a(1, 0) = 1, a(1, 1) = 2, a(0, 1) = 99;  // [[2,1],[1,2]]: 3 with (1,1), 1 with (1,-1)
  const Matrix<double>& fixed = a;
  const auto e = eigen_symmetric(fixed.view());
  EXPECT_NEAR(e.values[0], 3, 1e-15);
  EXPECT_NEAR(e.values[1], 1, 1e-15);
  EXPECT_NEAR(e.vectors(0, 0), std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(e.vectors(0, 1), std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(e.vectors(1, 0), -e.vectors(1, 1), 1e-15);
}

TEST(EigenSymmetric, RefusesWhatIsNotFiniteOrNotSquare) {
  Matrix<double> bad(2, 2, std::numeric_limits<double>::quiet_NaN()), flat(2, 3);
  const Matrix<double>&fixed_bad = bad, &fixed_flat = flat;
  EXPECT_THROW(eigen_symmetric(fixed_bad.view()), DataError);
  EXPECT_THROW(eigen_symmetric(fixed_flat.view()), InternalError);
  EXPECT_TRUE(eigen_symmetric(Matrix<double>().view()).values.empty());
}

}  // namespace
}  // namespace equal::linalg
