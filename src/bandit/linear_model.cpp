#include "equal/bandit/linear_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/linalg/symmetric.hpp"

namespace equal::bandit {
namespace {

constexpr std::size_t kUpdateBlock = 64;

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

void add(std::span<double> to, double factor, std::span<const double> x) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * x[i];
}

/// What documents of one arm share: its intercept.
void add_shared(linalg::Matrix<double>& covariance, std::span<const std::uint32_t> arms, std::span<const double> k) {
  for (std::size_t i = 0; i < arms.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      if (arms[i] == arms[j]) covariance(i, j) += k[i];
    }
  }
}

}  // namespace

LinearModel::LinearModel(LinearPrior prior)
    : prior_(std::move(prior)), means_(prior_.means), squares_(means_.rows(), 0.0) {
  const std::size_t d = dimension();
  if (prior_.variance.size() != d || beliefs() == 0)
    throw InternalError("linear model: prior means and variance do not fit");
  covariance_ = linalg::Matrix<double>(d, d);
  for (std::size_t i = 0; i < d; ++i) covariance_(i, i) = prior_.variance[i];
}

LinearModel::Adjusted LinearModel::adjust(std::span<const std::uint32_t> arms,
                                          linalg::MatrixView<const double> features) const {
  const std::size_t n = arms.size();
  if (features.rows != n || features.columns != dimension()) throw InternalError("linear model: shapes do not match");
  Adjusted out{linalg::Matrix<double>(n, dimension()), std::vector<double>(n, prior_.arm_variance),
               std::vector<double>(n, 0.0)};
  for (std::size_t i = 0; i < n; ++i) {
    std::copy(features.row(i).begin(), features.row(i).end(), out.features.row(i).begin());
    const auto at = arms_.find(arms[i]);
    if (at == arms_.end()) continue;
    out.k[i] = k(at->second);
    out.target[i] = out.k[i] * at->second.rewards;
    add(out.features.row(i), -out.k[i], at->second.features);
  }
  return out;
}

void LinearModel::observe(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features,
                          std::span<const double> rewards) {
  for (std::size_t first = 0; first < arms.size(); first += kUpdateBlock) {
    const std::size_t n = std::min(kUpdateBlock, arms.size() - first);
    observe_block(arms.subspan(first, n), features.slice(first, n), rewards.subspan(first, n));
  }
}

void LinearModel::observe_block(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features,
                                std::span<const double> rewards) {
  const std::size_t n = arms.size(), d = dimension();
  const Adjusted a = adjust(arms, features);
  linalg::Matrix<double> gain(n, d), spread(n, n);  // gain = F Sigma; spread = F Sigma F' + intercepts + noise
  linalg::symm(a.features.view(), covariance_.view(), gain.view());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) spread(i, j) = dot(gain.row(i), a.features.row(j));
    spread(i, i) += 1.0;
  }
  add_shared(spread, arms, a.k);
  if (!linalg::cholesky(spread.view())) throw InternalError("linear model: an update has lost its variance");
  linalg::solve_lower(spread.view(), gain.view());
  linalg::Matrix<double> surprise(n, 1);
  for (std::size_t b = 0; b < beliefs(); ++b) {
    for (std::size_t i = 0; i < n; ++i)
      surprise(i, 0) = rewards[i] - a.target[i] - dot(means_.row(b), a.features.row(i));
    linalg::solve_lower(spread.view(), surprise.view());
    for (std::size_t i = 0; i < n; ++i) {
      add(means_.row(b), surprise(i, 0), gain.row(i));
      squares_[b] += surprise(i, 0) * surprise(i, 0);
    }
  }
  linalg::syrk_tn(-1.0, gain.view(), 1.0, covariance_.view());
  factor_ = {};
  for (std::size_t i = 0; i < n; ++i) {
    log_scale_ += std::log(spread(i, i));
    ArmSums& sums = arms_[arms[i]];
    if (sums.features.empty()) sums.features.assign(d, 0.0);
    sums.n += 1.0;
    sums.rewards += rewards[i];
    add(sums.features, 1.0, features.row(i));
  }
  count_ += n;
}

const linalg::Matrix<double>& LinearModel::factor() const {
  // Rounding may have taken a variance that is nearly nothing below it: then a trace of it is put back.
  const double most = *std::max_element(prior_.variance.begin(), prior_.variance.end());
  for (double more = 0.0; factor_.rows() == 0; more = std::max(1e-13 * most, 10.0 * more)) {
    if (!(more < most)) throw InternalError("linear model: the posterior has lost its variance");
    linalg::Matrix<double> trial = covariance_;
    for (std::size_t i = 0; i < dimension(); ++i) trial(i, i) += more;
    if (linalg::cholesky(trial.view())) factor_ = std::move(trial);
  }
  return factor_;
}

LinearModel::Joint LinearModel::predict(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features,
                                        std::size_t given) const {
  if (given > arms.size()) throw InternalError("linear model: shapes do not match");
  const std::size_t all = arms.size(), n = all - given;
  Adjusted a = adjust(arms, features);
  Joint out;
  out.mean = linalg::Matrix<double>(beliefs(), n);
  for (std::size_t b = 0; b < beliefs(); ++b) {
    for (std::size_t i = 0; i < n; ++i)
      out.mean(b, i) = dot(means_.row(b), a.features.row(given + i)) + a.target[given + i];
  }
  linalg::multiply_lower(factor().view(), a.features.view());
  out.covariance_ = linalg::Matrix<double>(all, all);
  linalg::syrk_nt(1.0, a.features.view(), 0.0, out.covariance_.view());
  add_shared(out.covariance_, arms, a.k);
  linalg::condition_on_first(out.covariance_.view(), given);
  out.variance.resize(n);
  for (std::size_t i = 0; i < n; ++i) out.variance[i] = out.covariance_(given + i, given + i);
  return out;
}

void LinearModel::Joint::pretend(std::size_t j) {
  const std::size_t n = variance.size(), given = covariance_.rows() - n;
  std::vector<double> column(n);
  for (std::size_t i = 0; i < n; ++i) column[i] = covariance_(given + std::max(i, j), given + std::min(i, j));
  for (const auto& earlier : pretended_) add(column, -earlier[j], earlier);
  const double scale = 1.0 / std::sqrt(1.0 + std::max(0.0, column[j]));
  for (std::size_t i = 0; i < n; ++i) {
    column[i] *= scale;
    variance[i] -= column[i] * column[i];
  }
  pretended_.push_back(std::move(column));
}

std::vector<double> LinearModel::sample(std::size_t belief, RandomStream& random) const {
  const std::size_t d = dimension();
  std::vector<double> normal(d), out(means_.row(belief).begin(), means_.row(belief).end());
  for (double& x : normal) x = random.normal();
  const double sd = std::sqrt(noise_variance(belief));
  const auto& l = factor();
  for (std::size_t i = 0; i < d; ++i)
    out[i] += sd * dot(l.row(i).first(i + 1), std::span<const double>(normal).first(i + 1));
  return out;
}

double LinearModel::intercept(std::uint32_t arm, std::span<const double> theta) const {
  const auto at = arms_.find(arm);
  return at == arms_.end() ? 0.0 : k(at->second) * (at->second.rewards - dot(theta, at->second.features));
}

double LinearModel::intercept_variance(std::uint32_t arm) const {
  const auto at = arms_.find(arm);
  return at == arms_.end() ? prior_.arm_variance : k(at->second);
}

double LinearModel::noise_variance(std::size_t belief) const noexcept {
  const double n = static_cast<double>(count_);
  return (prior_.noise_weight * prior_.noise_variance + squares_[belief]) / (prior_.noise_weight + n);
}

double LinearModel::log_evidence(std::size_t belief) const noexcept {
  // Student t: the noise variance is integrated out under its inverse gamma prior.
  const double n = static_cast<double>(count_), w = prior_.noise_weight;
  const double first = w * prior_.noise_variance;
  return 0.5 * w * std::log(first) - 0.5 * (w + n) * std::log(first + squares_[belief]) - log_scale_;
}

}  // namespace equal::bandit
