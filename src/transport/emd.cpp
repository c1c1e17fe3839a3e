#include "equal/transport/emd.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "equal/base/checked.hpp"

#include "kernels.hpp"
#include "network_simplex.hpp"
#include "problem.hpp"

namespace equal::transport {
namespace {

constexpr double kUnits = 0x1p52;  ///< of a side with weights of its own

/// Whole units in proportion to the weights: differences of the rounded running sum, so that the total is exact.
std::vector<std::int64_t> units(std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> out(weights.size());
  double running = 0.0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    running += weights[i];
    // The last sum is the same sum, so the quotient is exactly 1 there and, the weights not being negative, never
    // above.
    const auto now = static_cast<std::int64_t>(std::llround(running / sum * kUnits));
    out[i] = now - before;
    before = now;
  }
  return out;
}

}  // namespace

EmdResult emd(linalg::MatrixView<const double> cost, std::span<const double> a, std::span<const double> b,
              const EmdParams& params) {
  const double largest = check_problem(cost, a, b);
  const std::size_t n = cost.rows, m = cost.columns;
  narrow<Node>(n + m + 1, "the number of points");

  std::vector<std::int64_t> supplies, demands;
  if (a.empty() && b.empty()) {
    const std::size_t common = std::gcd(n, m);
    supplies.assign(n, static_cast<std::int64_t>(m / common));
    demands.assign(m, static_cast<std::int64_t>(n / common));
  } else {
    supplies = units(weights_or_uniform(a, n));
    demands = units(weights_or_uniform(b, m));
  }
  const std::uint64_t max_pivots =
      params.max_pivots != 0 ? params.max_pivots : 1000 * static_cast<std::uint64_t>(n + m);
  SimplexOutcome outcome = network_simplex(cost, supplies, demands, 1e-14 * largest, max_pivots);
  SpanningTree& tree = outcome.tree;
  tree.refresh(cost);

  EmdResult out;
  out.optimal = outcome.optimal;
  out.pivots = outcome.pivots;
  const auto total = static_cast<double>(std::accumulate(supplies.begin(), supplies.end(), std::int64_t{0}));
  for (Node x = 0; x < tree.root(); ++x) {
    if (tree.flow(x) == 0) continue;
    const Node up = tree.parent(x), row = std::min(x, up), column = std::max(x, up) - tree.rows();
    out.plan.push_back({static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column),
                        static_cast<double>(tree.flow(x)) / total});
  }
  std::sort(out.plan.begin(), out.plan.end(), [](const PlanEntry& x, const PlanEntry& y) {
    return x.row != y.row ? x.row < y.row : x.column < y.column;
  });
  for (const PlanEntry& entry : out.plan) out.value += entry.mass * cost(entry.row, entry.column);

  // Duals: g from the tree, f its transform min_j (c_ij - g_j). On an optimal tree f moves by rounding only; otherwise
  // this makes a feasible pair, and so a lower bound, out of potentials that are not.
  const double* const p = tree.potentials();
  out.f.resize(n);
  out.g.resize(m);
  for (std::size_t j = 0; j < m; ++j) out.g[j] = -p[n + j];
  for (std::size_t i = 0; i < n; ++i) out.f[i] = kernels().min_sum(cost.row(i).data(), p + n, m);
  for (std::size_t i = 0; i < n; ++i) out.lower_bound += static_cast<double>(supplies[i]) / total * out.f[i];
  for (std::size_t j = 0; j < m; ++j) out.lower_bound += static_cast<double>(demands[j]) / total * out.g[j];
  return out;
}

}  // namespace equal::transport
