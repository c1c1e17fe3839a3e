// Entropic optimal transport by Sinkhorn's iteration in the log domain, and the debiased divergence built on it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

struct SinkhornParams {
  /// Strength of the entropy, in units of `unit`. 0.1 is smooth, 0.02 close to the exact plan; iterations grow like
  /// 1/epsilon.
  double epsilon = 0.05;
  /// What epsilon is counted in; 0: the median of the cost (all in one cost of a divergence: that of x against y).
  double unit = 0.0;
  /// Stop when the column sums of the plan are this close to b in the Euclidean norm (POT's stopThr); its row sums are
  /// a. Must be above 0. Below 1e-7 the kernel is held in double instead of float, at half the speed.
  double tolerance = 1e-6;
  std::uint64_t max_iterations = 10000;
  /// Epsilon-scaling: the first of this many halvings down to epsilon starts at epsilon 2^scaling_steps; each step is
  /// left at tolerance 1e-3. Pays from about epsilon < 0.01 on. 0: none.
  std::uint32_t scaling_steps = 0;
};

struct SinkhornResult {
  double value = 0.0;           ///< sum of plan x cost, without the entropy
  double objective = 0.0;       ///< sum a f + sum b g: value + eps KL(P | a b^T) once converged
  double epsilon = 0.0;         ///< absolute: params.epsilon x unit
  double marginal_error = 0.0;  ///< reached, as `tolerance` measures it
  bool converged = false;       ///< false: max_iterations was reached
  std::uint64_t iterations = 0;
  /// Potentials, also of points without weight: P_ij = a_i b_j exp((f_i + g_j - cost_ij) / epsilon). g starts a warm
  /// start.
  std::vector<double> f, g;
};

/// min <P, cost> + eps KL(P | a b^T) with row sums a and column sums b. cost (n,m), finite; weights as in emd.hpp.
/// warm_g (m): the iteration starts from these potentials (of a similar problem, any epsilon); empty: from zero.
/// Method: P = diag(u) K diag(v) with K = exp((f + g - cost) / eps); u and v are scaled by products of K alone, and
/// whenever one leaves [e^-20, e^20] they are taken into f and g and K is made again (Schmitzer, SIAM J. Sci. Comput.
/// 41, 2019, section 3.1). So there is the range of the log domain, but an exponential only when K is made. A row of K
/// is used for the new u and at once for the sums of the new v: the matrix is read once an iteration. In float K has 24
/// bits, which amounts to moving every cost by at most 6e-8 eps; the potentials reproduce the column sums to tolerance
/// + 10^-8. Time O(iterations n m), memory n m floats. The same bits on every CPU. Throws as emd(), and UsageError on
/// parameters out of range.
SinkhornResult sinkhorn(linalg::MatrixView<const double> cost, std::span<const double> a = {},
                        std::span<const double> b = {}, const SinkhornParams& params = {},
                        std::span<const double> warm_g = {});

struct DivergenceResult {
  double value = 0.0;
  SinkhornResult xy, xx, yy;
  bool converged() const noexcept { return xy.converged && xx.converged && yy.converged; }
};

/// Debiased divergence objective(x,y) - objective(x,x)/2 - objective(y,y)/2 with one absolute eps (Feydy et al.,
/// AISTATS 2019, eq. 3): 0 between equal sets, not negative for these costs up to the tolerance. cost_xy (n,m), cost_xx
/// (n,n), cost_yy (m,m), the latter two symmetric.
DivergenceResult sinkhorn_divergence(linalg::MatrixView<const double> cost_xy, linalg::MatrixView<const double> cost_xx,
                                     linalg::MatrixView<const double> cost_yy, std::span<const double> a = {},
                                     std::span<const double> b = {}, const SinkhornParams& params = {});

}  // namespace equal::transport
