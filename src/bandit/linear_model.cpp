#include "equal/bandit/linear_model.hpp"

#include <cmath>

#include "equal/base/error.hpp"

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

LinearModel::Adjusted LinearModel::adjust(std::uint32_t arm, std::span<const double> features,
                                          std::vector<double>& out) const {
  out.assign(features.begin(), features.end());
  const auto at = arms_.find(arm);
  if (at == arms_.end()) return {prior_.arm_variance, 0.0};
  const ArmSums& sums = at->second;
  const double k = prior_.arm_variance / (1.0 + sums.n * prior_.arm_variance);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] -= k * sums.features[i];
  return {k, k * sums.rewards};
}

void LinearModel::observe(std::uint32_t arm, std::span<const double> features, double reward) {
  const std::size_t d = mean_.size();
  std::vector<double> f, gain(d);
  const Adjusted a = adjust(arm, features, f);
  for (std::size_t i = 0; i < d; ++i) gain[i] = dot(covariance_.row(i), f);
  const double spread = 1.0 + a.k + dot(gain, f);  // predictive variance over the noise variance
  const double surprise = reward - a.target_shift - dot(mean_, f);
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

void LinearModel::pretend(std::uint32_t arm, std::span<const double> features) {
  const auto [scale, squares, count] = std::tuple(log_scale_, squares_, count_);
  observe(arm, features, predict(arm, features).mean);
  std::tie(log_scale_, squares_, count_) = std::tuple(scale, squares, count);
}

LinearModel::Prediction LinearModel::predict(std::uint32_t arm, std::span<const double> features) const {
  std::vector<double> f;
  const Adjusted a = adjust(arm, features, f);
  double variance = 0.0;
  for (std::size_t i = 0; i < f.size(); ++i) variance += f[i] * dot(covariance_.row(i), f);
  return {dot(mean_, f) + a.target_shift, noise_variance() * (variance + a.k)};
}

double LinearModel::intercept(std::uint32_t arm) const {
  const auto at = arms_.find(arm);
  if (at == arms_.end()) return 0.0;
  const double k = prior_.arm_variance / (1.0 + at->second.n * prior_.arm_variance);
  return k * (at->second.rewards - dot(mean_, at->second.features));
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
