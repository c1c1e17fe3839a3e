#include "equal/transport/ipot.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "aligned.hpp"
#include "kernels.hpp"
#include "problem.hpp"

namespace equal::transport {
namespace {

constexpr double kFloatRange = 20.0;   ///< exp(-20) and its products with a plan stay far from the end of float's range
constexpr double kFloatGuard = 1e-12;  ///< u and v stay below its inverse

template <class T>
IpotResult run(linalg::MatrixView<const double> cost, const std::vector<double>& a, const std::vector<double>& b,
               const IpotParams& params) {
  const Kernels& kernel = kernels();
  const std::size_t n = cost.rows, m = cost.columns;
  const Panels panels(n, m);
  const std::size_t rows = panels.rows, lanes = panels.lanes();
  AlignedVector<T> step(panels.size(), T{0}), q(panels.size(), T{0}), steps(lanes);
  AlignedVector<double> row(lanes, 0.0), zero(lanes, 0.0), columns(lanes), wide_a(rows, 0.0), wide_b(lanes, 0.0);
  std::vector<double> sums(rows);
  std::copy(a.begin(), a.end(), wide_a.begin());
  std::copy(b.begin(), b.end(), wide_b.begin());
  panels.repeat(wide_b);
  for (std::size_t i = 0; i < n; ++i) {
    std::copy(cost.row(i).begin(), cost.row(i).end(), row.begin());
    exp_row(kernel, row.data(), zero.data(), 0.0, 1.0 / params.beta, steps.data(), lanes);
    for (std::size_t j = 0; j < m; ++j) {
      step[panels.place(i, j)] = steps[j];
      q[panels.place(i, j)] = T{1};
    }
  }
  // P = diag(u) q diag(v) holds throughout, at the start with u = 1/(n m), v = 1: so Q = step . P is the sweep's
  // rescaling. v is `v` as the kernel wants it; the value below takes it from the last columns in double.
  AlignedVector<double> u(rows, 1.0 / (static_cast<double>(n) * static_cast<double>(m)));
  std::vector<T> row_scale(rows);
  AlignedVector<T> v(lanes, T{1});
  for (std::uint64_t outer = 0; outer < params.outer; ++outer) {
    std::transform(u.begin(), u.end(), row_scale.begin(), [](double x) { return static_cast<T>(x); });
    for (std::uint64_t inner = 0; inner < params.inner; ++inner) {
      Sweep<T> s{.q = q.data(), .panels = panels, .backward = inner % 2 != 0};
      if (inner == 0) s.step = step.data(), s.row_scale = row_scale.data(), s.column_scale = v.data();
      s.w = v.data();
      s.a = wide_a.data();
      s.offset = params.guard;
      s.sums = sums.data();
      s.shares = u.data();
      s.columns = columns.data();
      sweep(kernel, s);
      divide(kernel, wide_b.data(), columns.data(), params.guard, v.data(), lanes);
    }
  }
  IpotResult out;
  double error = 0.0;
  std::vector<double> column_sums(m, 0.0), final_v(lanes);
  divide(kernel, wide_b.data(), columns.data(), params.guard, final_v.data(), lanes);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < m; ++j) {
      const double p = u[i] * static_cast<double>(q[panels.place(i, j)]) * final_v[j];
      out.value += p * cost(i, j);
      sum += p;
      column_sums[j] += p;
    }
    error += (sum - a[i]) * (sum - a[i]);
  }
  for (std::size_t j = 0; j < m; ++j) error += (column_sums[j] - b[j]) * (column_sums[j] - b[j]);
  out.marginal_error = std::sqrt(error);
  return out;
}

}  // namespace

IpotResult ipot(linalg::MatrixView<const double> cost, std::span<const double> a, std::span<const double> b,
                const IpotParams& params) {
  if (!(params.beta > 0.0) || !std::isfinite(params.beta) || !(params.guard >= 0.0) || params.outer == 0 ||
      params.inner == 0) {
    throw UsageError(
        equal::format("ipot: beta = {}, outer = {}, inner = {}, guard = {}; the first three must be above 0 and "
                      "the guard not negative",
                      params.beta, params.outer, params.inner, params.guard));
  }
  const double largest = check_problem(cost, a, b);
  const auto wa = weights_or_uniform(a, cost.rows), wb = weights_or_uniform(b, cost.columns);
  const bool in_float = largest <= kFloatRange * params.beta && params.guard >= kFloatGuard;
  return in_float ? run<float>(cost, wa, wb, params) : run<double>(cost, wa, wb, params);
}

}  // namespace equal::transport
