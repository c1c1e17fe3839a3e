#include "equal/transport/ipot.hpp"

#include <cmath>

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

/// The published loop as it is written, in double.
double reference(const linalg::Matrix<double>& cost, const std::vector<double>& a, const std::vector<double>& b,
                 const IpotParams& p) {
  const std::size_t n = cost.rows(), m = cost.columns();
  linalg::Matrix<double> plan(n, m, 1.0 / static_cast<double>(n * m)), q(n, m);
  std::vector<double> u(n), v(m, 1.0);
  for (std::uint64_t outer = 0; outer < p.outer; ++outer) {
    for (std::size_t k = 0; k < n * m; ++k) q.values()[k] = std::exp(-cost.values()[k] / p.beta) * plan.values()[k];
    for (std::uint64_t inner = 0; inner < p.inner; ++inner) {
      for (std::size_t i = 0; i < n; ++i) {
        double sum = 0.0;
        for (std::size_t j = 0; j < m; ++j) sum += q(i, j) * v[j];
        u[i] = a[i] / (sum + p.guard);
      }
      for (std::size_t j = 0; j < m; ++j) {
        double sum = 0.0;
        for (std::size_t i = 0; i < n; ++i) sum += q(i, j) * u[i];
        v[j] = b[j] / (sum + p.guard);
      }
    }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) plan(i, j) = u[i] * q(i, j) * v[j];
  }
  double value = 0.0;
  for (std::size_t k = 0; k < n * m; ++k) value += plan.values()[k] * cost.values()[k];
  return value;
}

TEST(Ipot, IsTheLoopOfThePaper) {
  RandomStream r(1, "ipot");
  for (const auto& [n, m] : {std::pair<std::size_t, std::size_t>{20, 15}, {7, 33}, {1, 6}, {6, 1}, {1, 1}}) {
    const auto cost = cost_matrix(unit_vectors(r, n, 8).view(), unit_vectors(r, m, 8).view(), CostKind::euclidean);
    const auto a = weights(r, n), b = weights(r, m);
    for (const IpotParams params :
         {IpotParams{}, IpotParams{.beta = 0.3, .outer = 60, .inner = 4}, IpotParams{.outer = 1, .inner = 1}}) {
      const double expected = reference(cost, a, b, params);
      EXPECT_NEAR(ipot(cost.view(), a, b, params).value, expected, 1e-7 * expected) << n << " x " << m;
    }
  }
}

TEST(Ipot, LargeCostsAndNoGuardRunInDouble) {
  RandomStream r(2, "ipot");
  auto cost = random_cost(r, 12, 10);
  const auto a = weights(r, 12), b = weights(r, 10);
  const IpotParams no_guard{.outer = 100, .guard = 0.0};
  EXPECT_NEAR(ipot(cost.view(), a, b, no_guard).value, reference(cost, a, b, no_guard), 1e-12);
  for (double& c : cost.values()) c *= 100.0;
  const IpotParams params{.outer = 30};
  const double expected = reference(cost, a, b, params);
  EXPECT_NEAR(ipot(cost.view(), a, b, params).value, expected, 1e-11 * expected);
}

TEST(Ipot, ComesCloseToTheExactValue) {
  RandomStream r(3, "ipot");
  const auto cost = cost_matrix(unit_vectors(r, 40, 8).view(), unit_vectors(r, 30, 8).view(), CostKind::euclidean);
  const IpotResult result = ipot(cost.view());
  EXPECT_NEAR(result.value, emd(cost.view()).value, 1e-3);
  EXPECT_LT(result.marginal_error, 1e-3);
}

TEST(Ipot, ZeroCostAndBadParameters) {
  const linalg::Matrix<double> zero(3, 4);
  EXPECT_EQ(ipot(zero.view()).value, 0.0);
  EXPECT_THROW(ipot(zero.view(), {}, {}, {.beta = 0.0}), UsageError);
  EXPECT_THROW(ipot(zero.view(), {}, {}, {.outer = 0}), UsageError);
  EXPECT_THROW(ipot(zero.view(), {}, {}, {.inner = 0}), UsageError);
  EXPECT_THROW(ipot(zero.view(), {}, {}, {.guard = -1.0}), UsageError);
  const linalg::Matrix<double> bad(2, 2, std::nan("")), empty(2, 0);
  EXPECT_THROW(ipot(bad.view()), DataError);
  EXPECT_THROW(ipot(empty.view()), DataError);
}

}  // namespace
}  // namespace equal::transport
