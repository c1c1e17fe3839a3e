// Bayesian linear regression of a document's reward with one intercept per arm, exact and one observation at a time.
//
//   r = theta . f + a_arm + noise,   theta ~ N(prior_mean, s2 diag(prior_variance)),   a ~ N(0, s2 arm_variance),
//   noise ~ N(0, s2);  all variances are in units of the noise variance s2 (inverse gamma, so it is learned as well).
//
// Arm intercepts are integrated out: given an arm's n earlier observations with sums f_sum, r_sum, its next one is
// r - k r_sum = theta . (f - k f_sum) + noise of variance s2 (1 + k),   k = arm_variance / (1 + n arm_variance),
// so each observation is one rank-one update of a (dim, dim) covariance and the state is dim^2 + arms dim.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "equal/base/random.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::bandit {

struct LinearPrior {
  std::vector<double> mean, variance;  ///< of theta, (dim); variance in units of the noise variance, > 0
  double arm_variance = 0.1;           ///< in units of the noise variance, >= 0
  /// Inverse gamma prior of the noise variance: as if `noise_weight` observations of this variance had been seen.
  double noise_variance = 0.1, noise_weight = 4.0;
};

class LinearModel {
 public:
  explicit LinearModel(LinearPrior prior);

  /// O(dim^2).
  void observe(std::uint32_t arm, std::span<const double> features, double reward);

  /// The expected rewards of some documents together.
  struct Joint {
    std::vector<double> mean;           // (n)
    linalg::Matrix<double> covariance;  // (n, n), noise excluded, in units of the noise variance

    /// As if document j had been observed and had been as expected: variances shrink, means stay. O(n^2).
    void pretend(std::size_t j);
  };
  /// features (n, dim), arms (n). O(n dim^2 + n^2 dim).
  Joint predict(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features) const;

  /// One draw of theta from its posterior (noise variance at its mean). O(dim^3).
  std::vector<double> sample(RandomStream& random) const;
  /// Mean of the arm's intercept when theta is known. O(dim).
  double intercept(std::uint32_t arm, std::span<const double> theta) const;
  /// Variance of that intercept, in units of the noise variance.
  double intercept_variance(std::uint32_t arm) const;

  std::span<const double> coefficients() const noexcept { return mean_; }
  /// Posterior mean of the arm's intercept; 0 for an arm without observations. O(dim).
  double intercept(std::uint32_t arm) const { return intercept(arm, mean_); }
  double noise_variance() const noexcept;
  /// Log of the marginal likelihood of all rewards observed so far, up to a constant that depends only on their number.
  double log_evidence() const noexcept;
  std::uint64_t observations() const noexcept { return count_; }
  std::size_t dimension() const noexcept { return mean_.size(); }

 private:
  struct ArmSums {
    double n = 0, rewards = 0;
    std::vector<double> features;
  };
  struct Shift {
    double k = 0, target = 0;
  };
  /// out = features - k f_sum of the arm; the shift of its target.
  Shift adjust(std::uint32_t arm, std::span<const double> features, std::span<double> out) const;

  LinearPrior prior_;
  std::vector<double> mean_;
  linalg::Matrix<double> covariance_;  // in units of the noise variance
  std::unordered_map<std::uint32_t, ArmSums> arms_;
  std::uint64_t count_ = 0;
  double squares_ = 0.0;  // sum of normalised squared surprises
  double log_scale_ = 0.0;
};

}  // namespace equal::bandit
