// The network simplex on a complete bipartite graph that exists only as its cost matrix.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

#include "spanning_tree.hpp"

namespace equal::transport {

struct SimplexOutcome {
  SpanningTree tree;
  std::uint64_t pivots = 0;
  bool optimal = false;
};

/// Supplies (n) and demands (m) in units, not negative, with equal sums. An arc enters if its reduced cost is below
/// -tolerance.
SimplexOutcome network_simplex(linalg::MatrixView<const double> cost, std::span<const std::int64_t> supplies,
                               std::span<const std::int64_t> demands, double tolerance, std::uint64_t max_pivots);

}  // namespace equal::transport
