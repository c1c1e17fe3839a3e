#include "equal/transport/emd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/transport/cost.hpp"

#include "problems.hpp"
#include "support/message.hpp"

namespace equal::transport {
namespace {

using test::random_cost;
using test::transposed;
using test::unit_vectors;
using test::weights;

/// All that an exact solution must satisfy: marginals, value, support, feasible duals, no gap.
void expect_exact(const linalg::Matrix<double>& cost, std::span<const double> a, std::span<const double> b,
                  const EmdResult& r) {
  const std::size_t n = cost.rows(), m = cost.columns();
  double scale = 1e-3;
  for (const double c : cost.values()) scale = std::max(scale, std::abs(c));
  ASSERT_TRUE(r.optimal);
  ASSERT_LT(r.plan.size(), n + m);
  std::vector<double> rows(n, 0.0), columns(m, 0.0);
  double value = 0.0;
  for (const PlanEntry& e : r.plan) {
    ASSERT_GT(e.mass, 0.0);
    rows[e.row] += e.mass;
    columns[e.column] += e.mass;
    value += e.mass * cost(e.row, e.column);
    // Complementary slackness, up to the tolerance of optimality and one rounding of the potentials.
    EXPECT_NEAR(r.f[e.row] + r.g[e.column], cost(e.row, e.column), 1e-12 * scale);
  }
  for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(rows[i], a.empty() ? 1.0 / static_cast<double>(n) : a[i], 1e-13);
  for (std::size_t j = 0; j < m; ++j) EXPECT_NEAR(columns[j], b.empty() ? 1.0 / static_cast<double>(m) : b[j], 1e-13);
  EXPECT_DOUBLE_EQ(value, r.value);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) EXPECT_LE(r.f[i] + r.g[j], cost(i, j) + 1e-15 * scale) << i << ' ' << j;
  EXPECT_NEAR(r.value, r.lower_bound, 1e-12 * scale);
}

TEST(Emd, HandMadeCases) {
  linalg::Matrix<double> c(2, 2);
  c(0, 0) = 1, c(0, 1) = 2, c(1, 0) = 3, c(1, 1) = 1;
  EXPECT_DOUBLE_EQ(emd(c.view()).value, 1.0);
  const std::vector<double> a{0.75, 0.25}, b{0.25, 0.75};
  EXPECT_DOUBLE_EQ(emd(c.view(), a, b).value, 0.25 * 1 + 0.5 * 2 + 0.25 * 1);
}

TEST(Emd, RandomProblemsOfAllShapesAreExact) {
  RandomStream r(1, "emd");
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(round);
    const std::size_t n = 1 + r.below(30), m = 1 + r.below(30);
    linalg::Matrix<double> cost = random_cost(r, n, m);
    if (round % 5 == 1)
      for (double& x : cost.values()) x = std::floor(4 * x);  // ties
    if (round % 5 == 2)
      for (double& x : cost.values()) x = 2e6 * x - 1e6;  // both signs, large
    if (round % 5 == 3)
      for (double& x : cost.values()) x *= 1e-9;  // tiny
    std::vector<double> a, b;
    if (round % 2 == 1) a = weights(r, n, round % 3 == 0), b = weights(r, m, round % 3 == 0);
    expect_exact(cost, a, b, emd(cost.view(), a, b));
  }
}

TEST(Emd, LargerProblemsAreExact) {
  RandomStream r(2, "emd");
  for (const auto& [n, m] : {std::pair<std::size_t, std::size_t>{300, 200}, {700, 20}, {20, 700}, {256, 256}}) {
    const auto cost = cost_matrix(unit_vectors(r, n, 16).view(), unit_vectors(r, m, 16).view(), CostKind::euclidean);
    expect_exact(cost, {}, {}, emd(cost.view()));
    const auto a = weights(r, n), b = weights(r, m);
    expect_exact(cost, a, b, emd(cost.view(), a, b));
  }
}

TEST(Emd, DuplicatePointsDoNotCycle) {
  RandomStream r(3, "emd");
  const auto few = unit_vectors(r, 6, 8);
  linalg::Matrix<float> x(200, 8), y(150, 8);
  for (auto* set : {&x, &y})
    for (std::size_t i = 0; i < set->rows(); ++i) std::ranges::copy(few.row(r.below(6)), set->row(i).begin());
  const auto cost = cost_matrix(x.view(), y.view(), CostKind::euclidean);
  expect_exact(cost, {}, {}, emd(cost.view()));
}

TEST(Emd, OneRowOneColumnZeroCost) {
  RandomStream r(4, "emd");
  for (const auto& [n, m] : {std::pair<std::size_t, std::size_t>{1, 1}, {1, 9}, {9, 1}, {1, 2000}, {2000, 1}}) {
    const auto cost = random_cost(r, n, m);
    double mean = 0.0;
    for (const double c : cost.values()) mean += c / static_cast<double>(n * m);
    const EmdResult result = emd(cost.view());
    EXPECT_NEAR(result.value, mean, 1e-13);
    expect_exact(cost, {}, {}, result);
  }
  const linalg::Matrix<double> zero(5, 7);
  EXPECT_EQ(emd(zero.view()).value, 0.0);
  expect_exact(zero, {}, {}, emd(zero.view()));
}

TEST(Emd, EqualSetsAreAtDistanceZero) {
  RandomStream r(5, "emd");
  const auto x = unit_vectors(r, 60, 12);
  linalg::Matrix<float> y(60, 12);
  for (std::size_t i = 0; i < 60; ++i) std::ranges::copy(x.row(59 - i), y.row(i).begin());
  EXPECT_EQ(emd(cost_matrix(x.view(), y.view(), CostKind::euclidean).view()).value, 0.0);
}

TEST(Emd, SymmetricAndObeysTheTriangleInequality) {
  RandomStream r(6, "emd");
  for (int round = 0; round < 10; ++round) {
    const auto x = unit_vectors(r, 12, 5), y = unit_vectors(r, 17, 5), z = unit_vectors(r, 9, 5);
    const auto distance = [](const auto& p, const auto& q) {
      return emd(cost_matrix(p.view(), q.view(), CostKind::euclidean).view()).value;
    };
    EXPECT_NEAR(distance(x, y), distance(y, x), 1e-13);
    EXPECT_LE(distance(x, z), distance(x, y) + distance(y, z) + 1e-13);
  }
}

TEST(Emd, ConstantsAndScalesGoThrough) {
  RandomStream r(9, "emd");
  auto cost = random_cost(r, 14, 10);
  const double value = emd(cost.view()).value;
  for (double& c : cost.values()) c = 3.0 * c + 2.0;
  EXPECT_NEAR(emd(cost.view()).value, 3.0 * value + 2.0, 1e-13);
}

TEST(Emd, LimitIsReportedAndStillBounds) {
  RandomStream r(10, "emd");
  const auto cost = random_cost(r, 80, 60);
  const EmdResult exact = emd(cost.view()), cut = emd(cost.view(), {}, {}, {.max_pivots = 3});
  EXPECT_FALSE(cut.optimal);
  EXPECT_EQ(cut.pivots, 3U);
  EXPECT_GT(cut.value, exact.value);
  EXPECT_LT(cut.lower_bound, exact.value);
}

TEST(Emd, RefusesWhatIsNoProblem) {
  using testing::HasSubstr;
  linalg::Matrix<double> c(3, 4, 1.0);
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf, -inf}) {
    c(2, 1) = bad;
    EXPECT_THAT(equal::test::message_of<DataError>([&] { emd(c.view()); }), HasSubstr("cost(2, 1)"));
  }
  linalg::Matrix<double> wide(2, 40, 1.0);
  wide(1, 17) = inf;
  EXPECT_THAT(equal::test::message_of<DataError>([&] { emd(wide.view()); }), HasSubstr("cost(1, 17) = inf"));
  c(2, 1) = 1.0;
  EXPECT_THAT(equal::test::message_of<DataError>([] { emd(linalg::Matrix<double>(0, 4).view()); }),
              HasSubstr("0 and 4"));
  const std::vector<double> third(3, 1.0 / 3), short_sum{0.25, 0.25, 0.25}, negative{-0.5, 1.0, 0.5},
      bad{nan, 0.5, 0.5};
  const std::vector<double> quarter(4, 0.25);
  EXPECT_THAT(equal::test::message_of<UsageError>([&] { emd(c.view(), quarter, quarter); }),
              HasSubstr("4 row weights for 3 points"));
  EXPECT_THAT(equal::test::message_of<UsageError>([&] { emd(c.view(), short_sum, quarter); }),
              HasSubstr("sum to 0.75"));
  EXPECT_THAT(equal::test::message_of<UsageError>([&] { emd(c.view(), negative, quarter); }),
              HasSubstr("row weight 0 is -0.5"));
  EXPECT_THAT(equal::test::message_of<UsageError>([&] { emd(c.view(), bad, quarter); }),
              HasSubstr("row weight 0 is nan"));
  EXPECT_NO_THROW(emd(c.view(), third, quarter));
}

}  // namespace
}  // namespace equal::transport
