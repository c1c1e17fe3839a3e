#include "equal/bandit/linear_model.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "equal/base/random.hpp"

namespace equal::bandit {
namespace {

constexpr std::size_t kDim = 4, kArms = 3, kAll = kDim + kArms;

// Reference: arm intercepts as ordinary coefficients, the posterior from the normal equations by Gaussian elimination.
struct Dense {
  std::vector<double> mean;
  linalg::Matrix<double> covariance{kAll, kAll};
};

Dense solve(const LinearPrior& prior, const std::vector<std::vector<double>>& rows, const std::vector<double>& rewards) {
  linalg::Matrix<double> a(kAll, 2 * kAll + 1);  // [precision | identity | right-hand side]
  for (std::size_t i = 0; i < kAll; ++i) {
    const double variance = i < kDim ? prior.variance[i] : prior.arm_variance;
    a(i, i) = 1 / variance;
    a(i, kAll + i) = 1;
    a(i, 2 * kAll) = i < kDim ? prior.mean[i] / variance : 0.0;
  }
  for (std::size_t n = 0; n < rows.size(); ++n) {
    for (std::size_t i = 0; i < kAll; ++i) {
      for (std::size_t j = 0; j < kAll; ++j) a(i, j) += rows[n][i] * rows[n][j];
      a(i, 2 * kAll) += rows[n][i] * rewards[n];
    }
  }
  for (std::size_t p = 0; p < kAll; ++p) {
    const double pivot = a(p, p);
    for (double& x : a.row(p)) x /= pivot;
    for (std::size_t i = 0; i < kAll; ++i) {
      if (i == p) continue;
      const double f = a(i, p);
      for (std::size_t j = 0; j < a.columns(); ++j) a(i, j) -= f * a(p, j);
    }
  }
  Dense out;
  for (std::size_t i = 0; i < kAll; ++i) {
    out.mean.push_back(a(i, 2 * kAll));
    for (std::size_t j = 0; j < kAll; ++j) out.covariance(i, j) = a(i, kAll + j);
  }
  return out;
}

LinearPrior prior() {
  return {.mean = {0.1, 0.5, 0, 0}, .variance = {0.3, 2, 1, 4}, .arm_variance = 0.7, .noise_variance = 0.2, .noise_weight = 3};
}

TEST(LinearModel, EqualsTheDensePosteriorWithArmCoefficients) {
  RandomStream r(1, "linear");
  LinearModel model(prior());
  std::vector<std::vector<double>> rows;
  std::vector<double> rewards;
  for (int n = 0; n < 60; ++n) {
    const auto arm = static_cast<std::uint32_t>(r.below(2));  // arm 2 is never seen
    std::vector<double> f(kDim), row(kAll, 0.0);
    for (std::size_t i = 0; i < kDim; ++i) row[i] = f[i] = r.normal();
    row[kDim + arm] = 1;
    rows.push_back(row);
    rewards.push_back(f[1] - 0.4 * f[2] + (arm == 1 ? 0.8 : 0.0) + 0.3 * r.normal());
    model.observe(arm, f, rewards.back());
  }
  const Dense dense = solve(prior(), rows, rewards);
  for (std::size_t i = 0; i < kDim; ++i) EXPECT_NEAR(model.coefficients()[i], dense.mean[i], 1e-11);
  for (std::uint32_t a = 0; a < kArms; ++a) EXPECT_NEAR(model.intercept(a), dense.mean[kDim + a], 1e-11);
  for (std::uint32_t a = 0; a < kArms; ++a) {
    std::vector<double> x(kAll, 0.0);
    for (std::size_t i = 0; i < kDim; ++i) x[i] = r.normal();
    x[kDim + a] = 1;
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < kAll; ++i) {
      mean += x[i] * dense.mean[i];
      for (std::size_t j = 0; j < kAll; ++j) variance += x[i] * dense.covariance(i, j) * x[j];
    }
    const auto p = model.predict({&a, 1}, {x.data(), 1, kDim});
    EXPECT_NEAR(p.mean[0], mean, 1e-11);
    EXPECT_NEAR(p.covariance(0, 0), variance, 1e-11);
  }
}

TEST(LinearModel, EvidenceDoesNotDependOnTheOrder) {
  RandomStream r(2, "order");
  std::vector<std::tuple<std::uint32_t, std::vector<double>, double>> data;
  for (int n = 0; n < 30; ++n) {
    std::vector<double> f(kDim);
    for (double& x : f) x = r.normal();
    data.emplace_back(static_cast<std::uint32_t>(r.below(3)), f, r.normal());
  }
  LinearModel forwards(prior()), backwards(prior());
  for (const auto& [arm, f, y] : data) forwards.observe(arm, f, y);
  for (auto d = data.rbegin(); d != data.rend(); ++d) backwards.observe(std::get<0>(*d), std::get<1>(*d), std::get<2>(*d));
  EXPECT_NEAR(forwards.log_evidence(), backwards.log_evidence(), 1e-9);
  EXPECT_NEAR(forwards.noise_variance(), backwards.noise_variance(), 1e-12);
}

TEST(LinearModel, PretendingIsConditioningOnTheExpectedReward) {
  RandomStream r(4, "pretend");
  LinearModel model(prior());
  for (std::uint32_t n = 0; n < 8; ++n) {
    const std::vector<double> f{1, r.normal(), r.normal(), r.normal()};
    model.observe(n % 2, f, r.normal());
  }
  const std::vector<std::uint32_t> arms{0, 2, 2, 1, 0};  // 2 is unseen and occurs twice
  linalg::Matrix<double> f(5, kDim);
  for (double& x : f.values()) x = r.normal();
  auto joint = model.predict(arms, f.view());
  joint.pretend(1);
  LinearModel observed = model;
  observed.observe(2, f.row(1), joint.mean[1]);
  const auto expected = observed.predict(arms, f.view());
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(joint.mean[i], expected.mean[i], 1e-12);
    for (std::size_t j = 0; j < 5; ++j) EXPECT_NEAR(joint.covariance(i, j), expected.covariance(i, j), 1e-12) << i << j;
  }
}

TEST(LinearModel, EvidencePrefersThePriorThatMadeTheData) {
  RandomStream r(3, "evidence");
  LinearPrior right = prior(), wrong = prior();
  right.mean[1] = 1.0;
  right.variance[1] = wrong.variance[1] = 0.01;
  wrong.mean[1] = -1.0;
  LinearModel a(right), b(wrong);
  for (int n = 0; n < 20; ++n) {
    std::vector<double> f(kDim);
    for (double& x : f) x = r.normal();
    const double y = f[1] + 0.3 * r.normal();
    a.observe(0, f, y);
    b.observe(0, f, y);
  }
  EXPECT_GT(a.log_evidence(), b.log_evidence() + 2);
}

}  // namespace
}  // namespace equal::bandit
