#include "network_simplex.hpp"

#include <algorithm>
#include <limits>

#include "kernels.hpp"

namespace equal::transport {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// Found on unit vectors from 100 x 30 to 2000 x 2000: more rows a window mean fewer pivots and more pricing.
constexpr std::size_t kWindowRows = 64;  ///< rows priced before the next pivots
constexpr std::size_t kStretch = 512;    ///< columns of a row that send their best arc to the candidates

/// A feasible start: each row in turn gives what it has to the columns with room that are cheapest for it, cost counted
/// against the column's own minimum (as in the Hungarian method). With it go the dual values that made the choice.
SpanningTree greedy_start(linalg::MatrixView<const double> cost, std::span<const std::int64_t> supplies,
                          std::span<const std::int64_t> demands) {
  const Kernels& k = kernels();
  const std::size_t n = cost.rows, m = cost.columns;
  std::vector<double> potential(n + m, kNever);
  const std::span<double> p = std::span(potential).subspan(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double* const c = cost.row(i).data();
    for (std::size_t j = 0; j < m; ++j) p[j] = std::min(p[j], c[j]);
  }
  for (double& x : p) x = -x;
  for (std::size_t i = 0; i < n; ++i) potential[i] = k.min_sum(cost.row(i).data(), p.data(), m);

  std::vector<double> open(p.begin(), p.end());  // infinite once a column is full
  std::vector<std::int64_t> room(demands.begin(), demands.end());
  for (std::size_t j = 0; j < m; ++j) {
    if (room[j] == 0) open[j] = kNever;
  }
  std::vector<SpanningTree::Arc> arcs;
  arcs.reserve(n + m);
  for (std::size_t i = 0; i < n; ++i) {
    const double* const c = cost.row(i).data();
    for (std::int64_t left = supplies[i]; left > 0;) {
      const std::size_t j = k.find_sum(c, open.data(), m, k.min_sum(c, open.data(), m));
      const std::int64_t units = std::min(left, room[j]);
      arcs.push_back({static_cast<Node>(i), static_cast<Node>(n + j), units});
      left -= units;
      room[j] -= units;
      if (room[j] == 0) open[j] = kNever;
    }
  }
  SpanningTree tree(n, m);
  tree.build(arcs, potential, cost);
  return tree;
}

struct Candidate {
  double cost;
  Node row, column;
};

}  // namespace

SimplexOutcome network_simplex(linalg::MatrixView<const double> cost, std::span<const std::int64_t> supplies,
                               std::span<const std::int64_t> demands, double tolerance, std::uint64_t max_pivots) {
  const Kernels& kernel = kernels();
  const std::size_t n = cost.rows, m = cost.columns;
  SimplexOutcome out{greedy_start(cost, supplies, demands)};
  SpanningTree& tree = out.tree;
  const double* const p = tree.potentials();  // stays where it is
  const double* const pc = p + n;
  std::vector<Candidate> candidates;
  std::size_t row = 0, idle = 0;  // rows priced since the last pivot
  bool fresh = true;              // potentials computed afresh since the last pivot
  while (true) {
    // Price: a window of rows, or as many as it takes to find one candidate. The matrix is read once for many pivots.
    candidates.clear();
    for (std::size_t w = 0; (w < kWindowRows || candidates.empty()) && idle < n; ++w, ++idle) {
      const double* const c = cost.row(row).data();
      for (std::size_t j = 0; j < m; j += kStretch) {
        const std::size_t width = std::min(kStretch, m - j);
        const double least = kernel.min_sum(c + j, pc + j, width);
        if (least - p[row] < -tolerance) {
          const std::size_t at = j + kernel.find_sum(c + j, pc + j, width, least);
          candidates.push_back({c[at], static_cast<Node>(row), static_cast<Node>(n + at)});
        }
      }
      row = row + 1 == n ? 0 : row + 1;
    }
    if (candidates.empty()) {
      out.optimal = fresh;
      if (fresh) return out;
      tree.refresh(cost);  // what looks optimal must be so without the rounding of thousands of pivots
      fresh = true;
      idle = 0;
      continue;
    }
    idle = 0;
    fresh = false;
    // Pivot on the best candidate until none is left; each pivot moves the reduced costs of the others.
    while (true) {
      std::size_t kept = 0, best = 0;
      double best_reduced = 0.0;
      for (const Candidate& candidate : candidates) {
        const double reduced = (candidate.cost + tree.potential(candidate.column)) - tree.potential(candidate.row);
        if (!(reduced < -tolerance)) continue;
        if (reduced < best_reduced) best_reduced = reduced, best = kept;
        candidates[kept++] = candidate;
      }
      candidates.resize(kept);
      if (kept == 0) break;
      if (out.pivots == max_pivots) return out;
      tree.pivot(candidates[best].row, candidates[best].column, best_reduced);
      ++out.pivots;
      candidates[best] = candidates.back();
      candidates.pop_back();
    }
  }
}

}  // namespace equal::transport
