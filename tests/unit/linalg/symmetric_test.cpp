#include "equal/linalg/symmetric.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::linalg {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Matrix<double> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  RandomStream random(seed, "symmetric");
  Matrix<double> out(rows, columns);
  for (double& v : out.values()) v = random.normal();
  return out;
}

Matrix<double> random_covariance(std::size_t n, std::size_t rank, std::uint64_t seed) {
  const Matrix<double> x = random_matrix(n, rank, seed);
  Matrix<double> out(n, n);
  gemm_nt(1.0, x.view(), x.view(), 0.0, out.view());
  return out;
}

/// What must not be read: NaN above the diagonal.
Matrix<double> lower(Matrix<double> a, double above = kNan) {
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = i + 1; j < a.columns(); ++j) a(i, j) = above;
  }
  return a;
}

void expect_lower_near(const Matrix<double>& got, const Matrix<double>& expected) {
  for (std::size_t i = 0; i < got.rows(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) EXPECT_NEAR(got(i, j), expected(i, j), 1e-10) << i << ' ' << j;
  }
}

TEST(Symmetric, ProductsEqualTheGeneralOnes) {
  const Matrix<double> s = random_covariance(9, 12, 1), a = random_matrix(5, 9, 2);
  Matrix<double> expected(5, 9), got(5, 9);
  gemm_nt(1.0, a.view(), s.view(), 0.0, expected.view());
  symm(a.view(), lower(s).view(), got.view());
  for (std::size_t i = 0; i < 45; ++i) EXPECT_NEAR(got.values()[i], expected.values()[i], 1e-12);

  Matrix<double> square(5, 5, 2.0), wide(9, 9, 2.0), square_lower = lower(square), wide_lower = lower(wide);
  gemm_nt(-0.5, a.view(), a.view(), 3.0, square.view());
  syrk_nt(-0.5, a.view(), 3.0, square_lower.view());
  expect_lower_near(square_lower, square);
  gemm_tn(-0.5, a.view(), a.view(), 3.0, wide.view());
  syrk_tn(-0.5, a.view(), 3.0, wide_lower.view());
  expect_lower_near(wide_lower, wide);
}

TEST(Symmetric, TheFactorMultipliesAndSolves) {
  const Matrix<double> s = random_covariance(9, 12, 3);
  Matrix<double> l = lower(s), again(9, 9);
  ASSERT_TRUE(cholesky(l.view()));
  const Matrix<double> full = lower(l, 0.0);
  gemm_nt(1.0, full.view(), full.view(), 0.0, again.view());
  expect_lower_near(again, s);

  const Matrix<double> b = random_matrix(9, 4, 4);
  Matrix<double> solved = b, back(9, 4);
  solve_lower(l.view(), solved.view());
  gemm_nn(1.0, full.view(), solved.view(), 0.0, back.view());
  for (std::size_t i = 0; i < 36; ++i) EXPECT_NEAR(back.values()[i], b.values()[i], 1e-10);

  Matrix<double> c = random_matrix(4, 9, 5), expected(4, 9);
  gemm_nn(1.0, c.view(), full.view(), 0.0, expected.view());
  multiply_lower(l.view(), c.view());
  for (std::size_t i = 0; i < 36; ++i) EXPECT_NEAR(c.values()[i], expected.values()[i], 1e-12);

  Matrix<double> negative(1, 1, -1.0);
  EXPECT_FALSE(cholesky(negative.view()));
  EXPECT_THROW(solve_lower(l.view(), c.view()), InternalError);  // 4 rows for a factor of 9
}

TEST(Symmetric, ConditioningAtOnceIsConditioningOneAfterTheOther) {
  for (const auto& [p, n, rank] :
       {std::tuple{7U, 5U, 12U}, {20U, 1U, 3U}, {1U, 30U, 40U}, {0U, 8U, 8U}, {6U, 0U, 8U}}) {
    Matrix<double> k = random_covariance(p + n, rank, n), got = lower(k);
    condition_on_first(got.view(), p);
    for (std::size_t o = 0; o < p; ++o) {  // the rank-one rule, K - k k' / (1 + k_oo)
      const std::vector<double> column(k.row(o).begin(), k.row(o).end());
      for (std::size_t i = 0; i < p + n; ++i) {
        for (std::size_t j = 0; j < p + n; ++j) k(i, j) -= column[i] * column[j] / (1.0 + column[o]);
      }
    }
    for (std::size_t i = p; i < p + n; ++i) {
      for (std::size_t j = p; j <= i; ++j) EXPECT_NEAR(got(i, j), k(i, j), 1e-10) << p << " of " << p + n;
    }
  }
}

TEST(Symmetric, WhatIsNoCovarianceIsRefused) {
  Matrix<double> k(2, 2);
  k(0, 0) = -3.0;
  k(1, 1) = 1.0;
  EXPECT_THROW(condition_on_first(k.view(), 1), InternalError);
  EXPECT_THROW(condition_on_first(k.view(), 3), InternalError);
}

}  // namespace
}  // namespace equal::linalg
