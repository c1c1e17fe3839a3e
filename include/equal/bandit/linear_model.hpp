// Bayesian linear regression of a document's reward with one intercept per arm, exact, for several prior means at once.
//
//   r = theta . f + a_arm + noise,   theta ~ N(mean_b, s2 diag(variance)),   a ~ N(0, s2 arm_variance),
//   noise ~ N(0, s2);  all variances are in units of the noise variance s2 (inverse gamma, so it is learned as well).
//
// Each prior mean is a *belief* b. Covariances do not depend on means or rewards, so all beliefs share one; each has
// its own posterior mean, noise variance and evidence.
//
// Arm intercepts are integrated out: given an arm's n earlier observations with sums f_sum, r_sum, its next ones are
// r - k r_sum = theta . (f - k f_sum) + a' + noise,   a' ~ N(0, s2 k),   k = arm_variance / (1 + n arm_variance),
// so what was observed together is one update of a (dim, dim) covariance and the state is dim^2 + arms dim.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "equal/base/random.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::bandit {

struct LinearPrior {
  linalg::Matrix<double> means;  ///< of theta, (beliefs, dim); at least one belief
  std::vector<double> variance;  ///< of theta, (dim), in units of the noise variance, > 0
  double arm_variance = 0.1;     ///< in units of the noise variance, >= 0
  /// Inverse gamma prior of the noise variance: as if `noise_weight` observations of this variance had been seen.
  double noise_variance = 0.1, noise_weight = 4.0;
};

class LinearModel {
 public:
  explicit LinearModel(LinearPrior prior);

  /// n observations: arms (n), features (n, dim), rewards (n). The posterior is that of observing them one after the
  /// other in any order; its last bits depend on what was observed together. O(n dim^2 + n^2 dim), in blocks of 64.
  void observe(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features,
               std::span<const double> rewards);

  /// The expected rewards of some documents together.
  class Joint {
   public:
    linalg::Matrix<double> mean;   ///< (beliefs, n)
    std::vector<double> variance;  ///< (n), noise excluded, in units of the noise variance
    /// As if document j had been observed and had been as expected: variances shrink, means stay. O(n t), the t-th
    /// time.
    void pretend(std::size_t j);

   private:
    friend class LinearModel;
    linalg::Matrix<double> covariance_;  // (given + n)^2, lower triangle; of the last n, before pretend()
    std::vector<std::vector<double>>
        pretended_;  // covariance = covariance_ - sum of these, each times itself transposed
  };
  /// arms (given + n), features (given + n, dim). Joint is of the last n, as if the first `given` had been observed and
  /// had been as expected. O((given + n) dim^2 + (given + n)^2 dim).
  Joint predict(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features,
                std::size_t given = 0) const;

  /// One draw of theta from its posterior under a belief (noise variance at its mean). O(dim^2).
  std::vector<double> sample(std::size_t belief, RandomStream& random) const;
  /// Mean of the arm's intercept when theta is known; 0 for an arm without observations. O(dim).
  double intercept(std::uint32_t arm, std::span<const double> theta) const;
  /// Variance of that intercept, in units of the noise variance.
  double intercept_variance(std::uint32_t arm) const;

  std::span<const double> coefficients(std::size_t belief) const noexcept { return means_.row(belief); }
  double noise_variance(std::size_t belief) const noexcept;
  /// Log of the marginal likelihood of all rewards observed so far, up to a constant that depends only on their number.
  double log_evidence(std::size_t belief) const noexcept;
  std::size_t beliefs() const noexcept { return means_.rows(); }
  std::size_t dimension() const noexcept { return means_.columns(); }

 private:
  struct ArmSums {
    double n = 0, rewards = 0;
    std::vector<double> features;
  };
  /// Documents less what their arms are known to add.
  struct Adjusted {
    linalg::Matrix<double> features;  // (n, dim): f - k f_sum
    std::vector<double> k, target;    // (n): the arm's k, and k r_sum
  };
  Adjusted adjust(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features) const;
  double k(const ArmSums& sums) const { return prior_.arm_variance / (1.0 + sums.n * prior_.arm_variance); }
  void observe_block(std::span<const std::uint32_t> arms, linalg::MatrixView<const double> features,
                     std::span<const double> rewards);
  const linalg::Matrix<double>& factor() const;

  LinearPrior prior_;
  linalg::Matrix<double> means_;           // (beliefs, dim)
  linalg::Matrix<double> covariance_;      // lower triangle, in units of the noise variance
  mutable linalg::Matrix<double> factor_;  // its Cholesky factor, made when it is needed; empty: not yet
  std::unordered_map<std::uint32_t, ArmSums> arms_;
  std::uint64_t count_ = 0;
  std::vector<double> squares_;  // (beliefs): sum of normalised squared surprises
  double log_scale_ = 0.0;
};

}  // namespace equal::bandit
