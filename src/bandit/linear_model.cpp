#include "equal/bandit/linear_model.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/linalg/gemm.hpp"

namespace equal::bandit {
namespace {

double dot(std::span<const double> x, std::span<const double> y) {
  // Eight running sums, so that it vectorises; a fixed order.
  double s[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) s[j] += x[i + j] * y[i + j];
  }
  double rest = 0.0;
  for (; i < x.size(); ++i) rest += x[i] * y[i];
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + rest;
}

}  // namespace

LinearModel::LinearModel(LinearPrior prior) : prior_(std::move(prior)), mean_(prior_.mean) {
  const std::size_t d = mean_.size();
  if (prior_.variance.size() != d) throw InternalError("linear model: prior mean and variance differ in length");
  covariance_ = linalg::Matrix<double>(d, d);
  for (std::size_t i = 0; i < d; ++i) covariance_(i, i) = prior_.variance[i];
}

LinearModel::Shift LinearModel::adjust(std::uint32_t arm, std::span<const double> features, std::span<double> out) const {
  std::copy(features.begin(), features.end(), out.begin());
  const auto at = arms_.find(arm);
  if (at == arms_.end()) return {prior_.arm_variance, 0.0};
  const ArmSums& sums = at->second;
  const double k = prior_.arm_variance / (1.0 + sums.n * prior_.arm_variance);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] -= k * sums.features[i];
  return {k, k * sums.rewards};
}

void LinearModel::observe(std::uint32_t arm, std::span<const double> features, double reward) {
  const std::size_t d = mean_.size();
  std::vector<double> f(d), gain(d);
  const Shift a = adjust(arm, features, f);
  for (std::size_t i = 0; i < d; ++i) gain[i] = dot(covariance_.row(i), f);
  const double spread = 1.0 + a.k + dot(gain, f);  // predictive variance over the noise variance
  const double surprise = reward - a.target - dot(mean_, f);
  for (std::size_t i = 0; i < d; ++i) {
    mean_[i] += gain[i] * (surprise / spread);
    const double g = gain[i] / spread;
    const auto row = covariance_.row(i);
    for (std::size_t j = 0; j < d; ++j) row[j] -= g * gain[j];
  }
  squares_ += surprise * surprise / spread;
  log_scale_ += 0.5 * std::log(spread);
  ++count_;
  ArmSums& sums = arms_[arm];
  if (sums.features.empty()) sums.features.assign(d, 0.0);
  sums.n += 1.0;
  sums.rewards += reward;
  for (std::size_t i = 0; i < d; ++i) sums.features[i] += features[i];
}

LinearModel::Joint LinearModel::predict(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features) const {
  const std::size_t n = features.rows, d = features.columns;
  if (arms.size() != n || d != mean_.size()) throw InternalError("linear model: shapes do not match");
  Joint out{std::vector<double>(n), linalg::Matrix<double>(n, n)};
  linalg::Matrix<double> adjusted(n, d), gain(n, d);
  std::vector<Shift> shift(n);
  for (std::size_t i = 0; i < n; ++i) {
    shift[i] = adjust(arms[i], features.row(i), adjusted.row(i));
    out.mean[i] = dot(mean_, adjusted.row(i)) + shift[i].target;
  }
  linalg::gemm_nt(1.0, adjusted.view(), covariance_.view(), 0.0, gain.view());
  linalg::gemm_nt(1.0, gain.view(), adjusted.view(), 0.0, out.covariance.view());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (arms[i] == arms[j]) out.covariance(i, j) += shift[i].k;
    }
  }
  return out;
}

void LinearModel::Joint::pretend(std::size_t j) {
  const std::size_t n = mean.size();
  const std::vector<double> column(covariance.row(j).begin(), covariance.row(j).end());
  const double spread = 1.0 + std::max(0.0, column[j]);
  for (std::size_t i = 0; i < n; ++i) {
    const double g = column[i] / spread;
    const auto row = covariance.row(i);
    for (std::size_t k = 0; k < n; ++k) row[k] -= g * column[k];
  }
}

std::vector<double> LinearModel::sample(RandomStream& random) const {
  // Lower Cholesky factor of the covariance, row by row; a pivot lost to rounding carries no variance.
  const std::size_t d = mean_.size();
  linalg::Matrix<double> factor(d, d);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double rest = covariance_(i, j) - dot(factor.row(i).first(j), factor.row(j).first(j));
      if (i == j) {
        factor(i, i) = std::sqrt(std::max(0.0, rest));
      } else {
        factor(i, j) = factor(j, j) > 0 ? rest / factor(j, j) : 0.0;
      }
    }
  }
  std::vector<double> normal(d), out(mean_);
  for (double& x : normal) x = random.normal();
  const double sd = std::sqrt(noise_variance());
  for (std::size_t i = 0; i < d; ++i) {
    out[i] += sd * dot(factor.row(i).first(i + 1), std::span<const double>(normal).first(i + 1));
  }
  return out;
}

double LinearModel::intercept(std::uint32_t arm, std::span<const double> theta) const {
  const auto at = arms_.find(arm);
  if (at == arms_.end()) return 0.0;
  const ArmSums& sums = at->second;
  return prior_.arm_variance / (1.0 + sums.n * prior_.arm_variance) * (sums.rewards - dot(theta, sums.features));
}

double LinearModel::intercept_variance(std::uint32_t arm) const {
  const auto at = arms_.find(arm);
  return at == arms_.end() ? prior_.arm_variance : prior_.arm_variance / (1.0 + at->second.n * prior_.arm_variance);
}

double LinearModel::noise_variance() const noexcept {
  const double n = static_cast<double>(count_);
  return (prior_.noise_weight * prior_.noise_variance + squares_) / (prior_.noise_weight + n);
}

double LinearModel::log_evidence() const noexcept {
  // Student t: the noise variance is integrated out under its inverse gamma prior.
  const double n = static_cast<double>(count_), w = prior_.noise_weight;
  const double first = w * prior_.noise_variance;
  return 0.5 * w * std::log(first) - 0.5 * (w + n) * std::log(first + squares_) - log_scale_;
}

}  // namespace equal::bandit
