#include "equal/bandit/linear_model.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::bandit {
namespace {

constexpr std::size_t kDim = 4, kArms = 3, kAll = kDim + kArms;

// Reference: arm intercepts as ordinary coefficients, the posterior from the normal equations by Gaussian elimination.
struct Dense {
  std::vector<double> mean;
  linalg::Matrix<double> covariance{kAll, kAll};
};

Dense solve(const LinearPrior& prior, std::size_t belief, const std::vector<std::vector<double>>& rows,
            const std::vector<double>& rewards) {
  linalg::Matrix<double> a(kAll, 2 * kAll + 1);  // [precision | identity | right-hand side]
  for (std::size_t i = 0; i < kAll; ++i) {
    const double variance = i < kDim ? prior.variance[i] : prior.arm_variance;
    a(i, i) = 1 / variance;
    a(i, kAll + i) = 1;
    a(i, 2 * kAll) = i < kDim ? prior.means(belief, i) / variance : 0.0;
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

LinearPrior prior(const std::vector<std::vector<double>>& means = {{0.1, 0.5, 0, 0}, {-1, 0, 0.3, 0.2}}) {
  LinearPrior out{.means = linalg::Matrix<double>(means.size(), kDim),
                  .variance = {0.3, 2, 1, 4},
                  .arm_variance = 0.7,
                  .noise_variance = 0.2,
                  .noise_weight = 3};
  for (std::size_t b = 0; b < means.size(); ++b) std::copy(means[b].begin(), means[b].end(), out.means.row(b).begin());
  return out;
}

struct Data {
  std::vector<std::uint32_t> arms;
  linalg::Matrix<double> features;
  std::vector<double> rewards;

  Data(std::size_t n, std::size_t of_arms, std::uint64_t seed) : features(n, kDim) {
    RandomStream r(seed, "linear");
    for (double& x : features.values()) x = r.normal();
    for (std::size_t i = 0; i < n; ++i) {
      arms.push_back(static_cast<std::uint32_t>(r.below(of_arms)));
      rewards.push_back(features(i, 1) - 0.4 * features(i, 2) + (arms[i] == 1 ? 0.8 : 0.0) + 0.3 * r.normal());
    }
  }
  void observe(LinearModel& model, std::size_t first, std::size_t n) const {
    model.observe(std::span(arms).subspan(first, n), features.view().slice(first, n),
                  std::span(rewards).subspan(first, n));
  }
};

TEST(LinearModel, EqualsTheDensePosteriorWithArmCoefficients) {
  for (const std::size_t together : {1UL, 7UL, 150UL}) {  // the last is more than a block
    const Data data(150, 2, 1);                           // arm 2 is never seen
    LinearModel model(prior());
    for (std::size_t i = 0; i < 150; i += together) data.observe(model, i, std::min(together, 150 - i));
    std::vector<std::vector<double>> rows(150, std::vector<double>(kAll, 0.0));
    for (std::size_t i = 0; i < 150; ++i) {
      std::copy(data.features.row(i).begin(), data.features.row(i).end(), rows[i].begin());
      rows[i][kDim + data.arms[i]] = 1;
    }
    RandomStream r(8, "asked");
    for (std::size_t belief = 0; belief < 2; ++belief) {
      const Dense dense = solve(prior(), belief, rows, data.rewards);
      const auto theta = model.coefficients(belief);
      for (std::size_t i = 0; i < kDim; ++i) EXPECT_NEAR(theta[i], dense.mean[i], 1e-11);
      for (std::uint32_t a = 0; a < kArms; ++a) EXPECT_NEAR(model.intercept(a, theta), dense.mean[kDim + a], 1e-11);
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
        EXPECT_NEAR(p.mean(belief, 0), mean, 1e-11);
        EXPECT_NEAR(p.variance[0], variance, 1e-11);
      }
    }
  }
}

TEST(LinearModel, EvidenceDependsNeitherOnTheOrderNorOnWhatCameTogether) {
  const Data data(30, 3, 2);
  LinearModel forwards(prior()), backwards(prior()), at_once(prior());
  for (std::size_t i = 0; i < 30; ++i) data.observe(forwards, i, 1);
  for (std::size_t i = 30; i-- > 0;) data.observe(backwards, i, 1);
  data.observe(at_once, 0, 30);
  for (const LinearModel& other : {backwards, at_once}) {
    for (std::size_t belief = 0; belief < 2; ++belief) {
      EXPECT_NEAR(forwards.log_evidence(belief), other.log_evidence(belief), 1e-9);
      EXPECT_NEAR(forwards.noise_variance(belief), other.noise_variance(belief), 1e-12);
    }
  }
}

TEST(LinearModel, WhatIsOutOrPretendedIsConditioningOnTheExpectedReward) {
  const Data data(8, 2, 4);
  LinearModel model(prior());
  data.observe(model, 0, 8);
  const std::vector<std::uint32_t> arms{0, 2, 2, 1, 0};  // 2 is unseen and occurs twice
  RandomStream r(4, "pretend");
  linalg::Matrix<double> f(5, kDim);
  for (double& x : f.values()) x = r.normal();
  const auto before = model.predict(arms, f.view());
  auto pretended = before;
  pretended.pretend(0);
  pretended.pretend(1);
  const auto given = model.predict(arms, f.view(), 2);
  LinearModel observed = model;
  for (std::size_t i = 0; i < 2; ++i) {
    const double expected = observed.predict({&arms[i], 1}, f.view().slice(i, 1)).mean(0, 0);
    observed.observe({&arms[i], 1}, f.view().slice(i, 1), {&expected, 1});
  }
  const auto after = observed.predict(arms, f.view());
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(pretended.mean(0, i), after.mean(0, i), 1e-12);
    EXPECT_NEAR(pretended.variance[i], after.variance[i], 1e-12) << i;
    EXPECT_LT(after.variance[i], before.variance[i]);
  }
  for (std::size_t i = 2; i < 5; ++i) {
    EXPECT_NEAR(given.mean(0, i - 2), after.mean(0, i), 1e-12);
    EXPECT_NEAR(given.variance[i - 2], after.variance[i], 1e-12) << i;
  }
}

TEST(LinearModel, SamplesSpreadAsThePosteriorDoes) {
  const Data data(20, 2, 5);
  LinearModel model(prior());
  data.observe(model, 0, 20);
  RandomStream r(6, "sample");
  constexpr int kDraws = 4000;
  // A value theta . f of an arm that was never seen, less its intercept's variance.
  const std::vector<double> f{1, 0.5, -1, 2};
  const std::uint32_t unseen = 2;
  const auto p = model.predict({&unseen, 1}, {f.data(), 1, kDim});
  const double expected = model.noise_variance(1) * (p.variance[0] - model.intercept_variance(unseen));
  double sum = 0, squares = 0;
  for (int n = 0; n < kDraws; ++n) {
    const auto theta = model.sample(1, r);
    double value = -p.mean(1, 0);
    for (std::size_t i = 0; i < kDim; ++i) value += theta[i] * f[i];
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 4 * std::sqrt(expected / kDraws));
  EXPECT_NEAR(squares / kDraws / expected, 1.0, 4 * std::sqrt(2.0 / kDraws));
}

TEST(LinearModel, EvidencePrefersThePriorThatMadeTheData) {
  RandomStream r(3, "evidence");
  LinearPrior both = prior({{0.1, 1, 0, 0}, {0.1, -1, 0, 0}});
  both.variance[1] = 0.01;
  LinearModel model(both);
  for (int n = 0; n < 20; ++n) {
    std::vector<double> f(kDim);
    for (double& x : f) x = r.normal();
    const std::uint32_t arm = 0;
    const double y = f[1] + 0.3 * r.normal();
    model.observe({&arm, 1}, {f.data(), 1, kDim}, {&y, 1});
  }
  EXPECT_GT(model.log_evidence(0), model.log_evidence(1) + 2);
}

}  // namespace
}  // namespace equal::bandit
