#include "equal/transport/sinkhorn.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/transport/cost.hpp"
#include "equal/transport/emd.hpp"

#include "problems.hpp"

namespace equal::transport {
namespace {

using test::random_cost;
using test::unit_vectors;
using test::weights;

/// The plan that the potentials stand for must have the marginals, and the value must be its own.
void expect_plan(const linalg::Matrix<double>& cost, const std::vector<double>& a, const std::vector<double>& b,
                 const SinkhornResult& r, double tolerance) {
  const std::size_t n = cost.rows(), m = cost.columns();
  std::vector<double> columns(m, 0.0);
  double value = 0.0, row_error = 0.0, column_error = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    double row = 0.0;
    for (std::size_t j = 0; j < m; ++j) {
      const double p = a[i] * b[j] * std::exp((r.f[i] + r.g[j] - cost(i, j)) / r.epsilon);
      row += p;
      columns[j] += p;
      value += p * cost(i, j);
    }
    row_error += (row - a[i]) * (row - a[i]);
  }
  for (std::size_t j = 0; j < m; ++j) column_error += (columns[j] - b[j]) * (columns[j] - b[j]);
  EXPECT_TRUE(r.converged);
  EXPECT_LE(r.marginal_error, tolerance);
  EXPECT_LE(std::sqrt(row_error), 2e-7);
  EXPECT_LE(std::sqrt(column_error), tolerance + 2e-7);
  EXPECT_NEAR(value, r.value, 1e-6 * (1.0 + std::abs(r.value)));
}

TEST(Sinkhorn, MarginalsHoldForAllKindsOfProblems) {
  RandomStream r(1, "sinkhorn");
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    const std::size_t n = 1 + r.below(40), m = 1 + r.below(40);
    const auto cost = random_cost(r, n, m);
    const auto a = weights(r, n, round % 4 == 0), b = weights(r, m, round % 4 == 0);
    SinkhornParams params{.epsilon = round % 3 == 0 ? 1.0 : 0.1, .max_iterations = 100000};
    params.tolerance = round % 2 == 0 ? 1e-6 : 1e-10;  // both kinds of kernel
    expect_plan(cost, a, b, sinkhorn(cost.view(), a, b, params), params.tolerance);
  }
}

TEST(Sinkhorn, ApproachesTheExactValueFromAboveAsEpsilonFalls) {
  RandomStream r(2, "sinkhorn");
  const auto cost = cost_matrix(unit_vectors(r, 30, 6).view(), unit_vectors(r, 25, 6).view(), CostKind::euclidean);
  const double exact = emd(cost.view()).value;
  double before = std::numeric_limits<double>::infinity();
  for (const double epsilon : {1.0, 0.3, 0.1, 0.03, 0.01}) {
    const auto result =
        sinkhorn(cost.view(), {}, {}, {.epsilon = epsilon, .tolerance = 1e-8, .max_iterations = 200000});
    ASSERT_TRUE(result.converged) << epsilon;
    EXPECT_GT(result.value, exact - 1e-7);
    EXPECT_LT(result.value, before + 1e-9);
    before = result.value;
  }
  EXPECT_NEAR(before, exact, 0.02 * exact);
}

TEST(Sinkhorn, TinyEpsilonStaysFiniteAndFindsTheExactPlan) {
  RandomStream r(3, "sinkhorn");
  const auto cost = cost_matrix(unit_vectors(r, 8, 6).view(), unit_vectors(r, 8, 6).view(), CostKind::euclidean);
  for (const std::uint32_t steps : {0U, 10U}) {
    const SinkhornParams params{.epsilon = 1e-3, .tolerance = 1e-6, .max_iterations = 500000, .scaling_steps = steps};
    const auto result = sinkhorn(cost.view(), {}, {}, params);
    ASSERT_TRUE(result.converged);
    EXPECT_NEAR(result.value, emd(cost.view()).value, 1e-3);
  }
}

TEST(Sinkhorn, WarmStartGivesTheSameAnswerSooner) {
  RandomStream r(4, "sinkhorn");
  const auto cost = cost_matrix(unit_vectors(r, 60, 8).view(), unit_vectors(r, 50, 8).view(), CostKind::euclidean);
  const SinkhornParams params{.epsilon = 0.05, .tolerance = 1e-8, .max_iterations = 100000};
  const auto cold = sinkhorn(cost.view(), {}, {}, params), warm = sinkhorn(cost.view(), {}, {}, params, cold.g);
  EXPECT_TRUE(warm.converged);
  EXPECT_LT(warm.iterations, cold.iterations / 4);
  EXPECT_NEAR(warm.value, cold.value, 1e-7);
  // From absurd potentials the answer is still the same.
  std::vector<double> absurd(50);
  for (std::size_t j = 0; j < 50; ++j) absurd[j] = j % 2 == 0 ? 1000.0 : -1000.0;
  const auto lost = sinkhorn(cost.view(), {}, {}, params, absurd);
  EXPECT_TRUE(lost.converged);
  EXPECT_NEAR(lost.value, cold.value, 1e-7);
}

TEST(Sinkhorn, OneRowOneColumnZeroCostEqualPoints) {
  RandomStream r(5, "sinkhorn");
  for (const auto& [n, m] : {std::pair<std::size_t, std::size_t>{1, 1}, {1, 9}, {9, 1}}) {
    const auto cost = random_cost(r, n, m);
    EXPECT_NEAR(sinkhorn(cost.view()).value, emd(cost.view()).value, 1e-6);  // one plan only
  }
  const linalg::Matrix<double> zero(4, 6);
  const auto free = sinkhorn(zero.view());
  EXPECT_TRUE(free.converged);
  EXPECT_EQ(free.value, 0.0);
  const linalg::Matrix<double> same(4, 6, 1.5);
  EXPECT_NEAR(sinkhorn(same.view()).value, 1.5, 1e-6);
}

TEST(Sinkhorn, DivergenceIsZeroBetweenEqualSetsAndPositiveOtherwise) {
  RandomStream r(6, "sinkhorn");
  const auto x = unit_vectors(r, 30, 6), y = unit_vectors(r, 20, 6);
  const auto c = [](const auto& p, const auto& q) { return cost_matrix(p.view(), q.view(), CostKind::euclidean); };
  const SinkhornParams params{.epsilon = 0.1, .tolerance = 1e-9, .max_iterations = 100000};
  const auto apart = sinkhorn_divergence(c(x, y).view(), c(x, x).view(), c(y, y).view(), {}, {}, params);
  ASSERT_TRUE(apart.converged());
  EXPECT_GT(apart.value, 0.01);
  EXPECT_LT(apart.value, apart.xy.objective);
  const auto together = sinkhorn_divergence(c(x, x).view(), c(x, x).view(), c(x, x).view(), {}, {}, params);
  EXPECT_NEAR(together.value, 0.0, 1e-9);
  const auto turned = sinkhorn_divergence(c(y, x).view(), c(y, y).view(), c(x, x).view(), {}, {}, params);
  EXPECT_NEAR(turned.value, apart.value, 1e-8);
}

TEST(Sinkhorn, ReportsItsLimitAndRefusesBadParameters) {
  RandomStream r(7, "sinkhorn");
  const auto cost = random_cost(r, 30, 30);
  const auto cut = sinkhorn(cost.view(), {}, {}, {.epsilon = 0.01, .max_iterations = 3});
  EXPECT_FALSE(cut.converged);
  EXPECT_EQ(cut.iterations, 3U);
  EXPECT_GT(cut.marginal_error, 1e-6);
  EXPECT_THROW(sinkhorn(cost.view(), {}, {}, {.epsilon = 0.0}), UsageError);
  EXPECT_THROW(sinkhorn(cost.view(), {}, {}, {.tolerance = 0.0}), UsageError);
  EXPECT_THROW(sinkhorn(cost.view(), {}, {}, {.max_iterations = 0}), UsageError);
  EXPECT_THROW(sinkhorn(cost.view(), {}, {}, {.epsilon = std::nan("")}), UsageError);
  const std::vector<double> few(3, 0.0);
  EXPECT_THROW(sinkhorn(cost.view(), {}, {}, {}, few), UsageError);
  linalg::Matrix<double> bad(2, 2, std::nan(""));
  EXPECT_THROW(sinkhorn(bad.view()), DataError);
}

}  // namespace
}  // namespace equal::transport
