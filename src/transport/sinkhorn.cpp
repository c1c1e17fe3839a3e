#include "equal/transport/sinkhorn.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/transport/cost.hpp"

#include "aligned.hpp"
#include "kernels.hpp"
#include "problem.hpp"

namespace equal::transport {
namespace {

constexpr double kScalingRange = 0x1p29;  ///< about e^20
constexpr double kFloatTolerance = 1e-7;  ///< a kernel in float serves tolerances from here on
constexpr double kIntermediateTolerance = 1e-3;

/// One problem. The plan is P_ij = shares_i K_ij w_j with shares = a u, w = b v, u = 1 / sums, v = 1 / inverse_v.
template <class T>
class Iteration {
 public:
  Iteration(linalg::MatrixView<const double> cost, std::vector<double> a, const std::vector<double>& b,
            std::span<const double> warm_g)
      : cost_(cost),
        n_(cost.rows),
        m_(cost.columns),
        panels_(n_, m_),
        lanes_(panels_.lanes()),
        a_(std::move(a)),
        b_(lanes_, 0.0),
        kernel_(panels_.size(), T{0}),
        w_(lanes_, T{0}),
        f_(n_),
        sums_(panels_.rows),
        shares_(panels_.rows),
        g_(lanes_, 0.0),
        columns_(lanes_),
        inverse_v_(lanes_, 1.0),
        row_(lanes_, 0.0),
        entries_(lanes_) {
    a_.resize(panels_.rows, 0.0);
    std::copy(b.begin(), b.end(), b_.begin());
    panels_.repeat(b_);
    std::copy(warm_g.begin(), warm_g.end(), g_.begin());
  }

  void run(double epsilon, double tolerance, std::uint64_t max_iterations, SinkhornResult& out) {
    settle(epsilon);
    make_kernel(epsilon);
    out.converged = false;
    for (std::uint64_t k = 0; k < max_iterations; ++k) {
      divide(kernels(), b_.data(), inverse_v_.data(), 0.0, w_.data(), lanes_);
      Sweep<T> s{.q = kernel_.data(), .panels = panels_, .backward = k % 2 != 0};
      s.w = w_.data();
      s.a = a_.data();
      s.sums = sums_.data();
      s.shares = shares_.data();
      s.columns = columns_.data();
      sweep(kernels(), s);
      ++out.iterations;
      // Row sums are a by the choice of u; column sums are w . columns.
      double error = 0.0;
      for (std::size_t j = 0; j < m_; ++j) {
        const double d = static_cast<double>(w_[j]) * columns_[j] - b_[j];
        error += d * d;
      }
      out.marginal_error = std::sqrt(error);
      out.converged = out.marginal_error <= tolerance;
      if (out.converged || k + 1 == max_iterations) return;
      std::copy(columns_.begin(), columns_.end(), inverse_v_.begin());
      if (far(std::span(sums_).first(n_)) || far(std::span(inverse_v_).first(m_))) {
        absorb(epsilon);
        make_kernel(epsilon);
      }
    }
  }

  /// Value and potentials of the plan that run() stopped at.
  void finish(double epsilon, SinkhornResult& out) {
    out.value = 0.0;
    for (std::size_t i = 0; i < n_; ++i) {
      const double* const c = cost_.row(i).data();
      double sum = 0.0;
      for (std::size_t j = 0; j < m_; ++j)
        sum += static_cast<double>(kernel_[panels_.place(i, j)]) * static_cast<double>(w_[j]) * c[j];
      out.value += shares_[i] * sum;
    }
    absorb(epsilon);
    out.epsilon = epsilon;
    out.f = f_;
    out.g.assign(g_.begin(), g_.begin() + static_cast<std::ptrdiff_t>(m_));
    out.objective = 0.0;
    for (std::size_t i = 0; i < n_; ++i) out.objective += a_[i] * f_[i];
    for (std::size_t j = 0; j < m_; ++j) out.objective += b_[j] * g_[j];
  }

 private:
  static bool far(std::span<const double> x) {
    return std::any_of(x.begin(), x.end(), [](double v) { return v < 1.0 / kScalingRange || v > kScalingRange; });
  }

  void absorb(double epsilon) {
    for (std::size_t i = 0; i < n_; ++i) f_[i] -= epsilon * std::log(sums_[i]);
    for (std::size_t j = 0; j < m_; ++j) g_[j] -= epsilon * std::log(inverse_v_[j]);
    std::fill(inverse_v_.begin(), inverse_v_.end(), 1.0);
  }

  /// From g alone, the references f_i = min_j (c_ij - g_j), g'_j = min_i (c_ij - f_i) >= g_j: no entry of K is above 1,
  /// and each row and column has one that is 1, so no sum over them can vanish. What g' has more than g goes into v.
  void settle(double epsilon) {
    std::vector<double> p(m_), best(m_, HUGE_VAL);
    for (std::size_t j = 0; j < m_; ++j) p[j] = -g_[j];
    for (std::size_t i = 0; i < n_; ++i) {
      const double* const c = cost_.row(i).data();
      f_[i] = kernels().min_sum(c, p.data(), m_);
      for (std::size_t j = 0; j < m_; ++j) best[j] = std::min(best[j], c[j] - f_[i]);
    }
    for (std::size_t j = 0; j < m_; ++j) {
      inverse_v_[j] = std::min(std::exp((best[j] - g_[j]) / epsilon), kScalingRange);
      g_[j] = best[j];
    }
    panels_.repeat(inverse_v_);
  }

  void make_kernel(double epsilon) {
    for (std::size_t i = 0; i < n_; ++i) {
      std::copy_n(cost_.row(i).data(), m_, row_.data());
      exp_row(kernels(), row_.data(), g_.data(), f_[i], 1.0 / epsilon, entries_.data(), lanes_);
      for (std::size_t j = 0; j < m_; ++j) kernel_[panels_.place(i, j)] = entries_[j];
    }
  }

  linalg::MatrixView<const double> cost_;
  std::size_t n_, m_;
  Panels panels_;
  std::size_t lanes_;
  std::vector<double> a_;
  AlignedVector<double> b_;
  AlignedVector<T> kernel_, w_;
  std::vector<double> f_, sums_, shares_;
  AlignedVector<double> g_, columns_, inverse_v_, row_;
  AlignedVector<T> entries_;
};

template <class T>
SinkhornResult solve(linalg::MatrixView<const double> cost, std::span<const double> a, std::span<const double> b,
                     double epsilon, const SinkhornParams& params, std::span<const double> warm_g) {
  Iteration<T> iteration(cost, weights_or_uniform(a, cost.rows), weights_or_uniform(b, cost.columns), warm_g);
  SinkhornResult out;
  for (std::uint32_t step = params.scaling_steps; step > 0; --step) {
    const double coarse = std::ldexp(epsilon, static_cast<int>(step));
    iteration.run(coarse, std::max(params.tolerance, kIntermediateTolerance), params.max_iterations - out.iterations,
                  out);
    iteration.finish(coarse, out);
  }
  iteration.run(epsilon, params.tolerance, params.max_iterations - out.iterations, out);
  iteration.finish(epsilon, out);
  return out;
}

}  // namespace

SinkhornResult sinkhorn(linalg::MatrixView<const double> cost, std::span<const double> a, std::span<const double> b,
                        const SinkhornParams& params, std::span<const double> warm_g) {
  if (!(params.epsilon > 0.0) || !std::isfinite(params.epsilon) || !(params.tolerance > 0.0) ||
      params.max_iterations == 0 || !(params.unit >= 0.0) || !std::isfinite(params.unit) || params.scaling_steps > 40) {
    throw UsageError(
        equal::format("sinkhorn: epsilon = {}, tolerance = {}, max_iterations = {}, unit = {}, scaling_steps = {}; "
                      "the first three must be above 0, unit not negative, scaling_steps at most 40",
                      params.epsilon, params.tolerance, params.max_iterations, params.unit, params.scaling_steps));
  }
  const double largest = check_problem(cost, a, b);
  if (!warm_g.empty() && warm_g.size() != cost.columns) {
    throw UsageError(equal::format("sinkhorn: {} warm potentials for {} columns", warm_g.size(), cost.columns));
  }
  for (const double g : warm_g) {
    if (!std::isfinite(g)) throw UsageError("sinkhorn: a warm potential is not finite");
  }
  double unit = params.unit != 0.0 ? params.unit : median(cost);
  // Half of the costs zero (or below): the median measures nothing; without any cost every epsilon gives the same plan.
  if (!(unit > 0.0)) unit = largest > 0.0 ? largest : 1.0;
  const double epsilon = params.epsilon * unit;
  return params.tolerance < kFloatTolerance ? solve<double>(cost, a, b, epsilon, params, warm_g)
                                            : solve<float>(cost, a, b, epsilon, params, warm_g);
}

DivergenceResult sinkhorn_divergence(linalg::MatrixView<const double> cost_xy, linalg::MatrixView<const double> cost_xx,
                                     linalg::MatrixView<const double> cost_yy, std::span<const double> a,
                                     std::span<const double> b, const SinkhornParams& params) {
  DivergenceResult out;
  out.xy = sinkhorn(cost_xy, a, b, params);
  SinkhornParams same = params;
  same.unit = out.xy.epsilon / params.epsilon;
  out.xx = sinkhorn(cost_xx, a, a, same);
  out.yy = sinkhorn(cost_yy, b, b, same);
  out.value = out.xy.objective - 0.5 * out.xx.objective - 0.5 * out.yy.objective;
  return out;
}

}  // namespace equal::transport
