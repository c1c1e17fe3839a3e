#include "equal/linalg/condition.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::linalg {
namespace {

Matrix<double> random_covariance(std::size_t n, std::size_t rank, std::uint64_t seed) {
  RandomStream random(seed, "covariance");
  Matrix<double> x(n, rank), out(n, n);
  for (double& v : x.values()) v = random.normal();
  gemm_nt(1.0, x.view(), x.view(), 0.0, out.view());
  return out;
}

TEST(Condition, AtOnceAsOneAfterTheOther) {
  for (const auto& [n, rest, rank] : {std::tuple{5U, 7U, 12U}, {1U, 20U, 3U}, {30U, 1U, 40U}, {8U, 0U, 8U}}) {
    Matrix<double> k = random_covariance(n + rest, rank, n);
    const Matrix<double> got = condition_on_rest(k.view(), n);
    for (std::size_t p = n + rest; p-- > n;) {  // the rank-one rule, K - k k' / (1 + k_pp)
      const std::vector<double> column(k.row(p).begin(), k.row(p).end());
      for (std::size_t i = 0; i < n + rest; ++i) {
        for (std::size_t j = 0; j < n + rest; ++j) k(i, j) -= column[i] * column[j] / (1.0 + column[p]);
      }
    }
    ASSERT_EQ(got.rows(), n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) EXPECT_NEAR(got(i, j), k(i, j), 1e-10) << n << " of " << n + rest;
    }
  }
}

TEST(Condition, WhatIsNoCovarianceIsRefused) {
  Matrix<double> k(2, 2);
  k(0, 0) = 1.0;
  k(1, 1) = -3.0;
  EXPECT_THROW(condition_on_rest(k.view(), 1), InternalError);
  EXPECT_THROW(condition_on_rest(k.view(), 3), InternalError);
}

}  // namespace
}  // namespace equal::linalg
