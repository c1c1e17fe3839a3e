// Exact optimal transport between two weighted point sets ("earth mover's distance"), by a network simplex of our own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

struct EmdParams {
  /// Most basis changes. 0: 1000 (n + m), some 50 times what instances with unit vectors take.
  std::uint64_t max_pivots = 0;
};

struct PlanEntry {
  std::uint32_t row, column;
  double mass;
};

struct EmdResult {
  double value = 0.0;        ///< sum of plan mass x cost
  double lower_bound = 0.0;  ///< value of the dual (f, g): value - lower_bound bounds the error, rounding included
  bool optimal = false;      ///< false: max_pivots was reached; value is then an upper bound
  std::uint64_t pivots = 0;
  std::vector<PlanEntry> plan;  ///< entries with mass > 0, at most n + m - 1, by row and column
  std::vector<double> f, g;     ///< (n), (m): f_i + g_j <= cost_ij up to the last bit, equal on the plan if optimal
};

/// min <P, cost> over P >= 0 with row sums a and column sums b. cost (n,m); a (n), b (m): not negative, sum 1 within
/// 1e-9; empty means uniform. Weights are counted in whole units: 1/lcm(n,m) if both are uniform, otherwise 2^-52. So
/// flows are exact, ties are ties, and strongly feasible bases (Cunningham, Math. Programming 11, 1976) exclude
/// cycling. An arc is taken as optimal if its reduced cost is above -1e-14 x the largest |cost|. Deterministic: the
/// same bits on every CPU. Memory O(n + m) beside the cost, which is only read; time about n m x 10^-8..10^-7 s for 100
/// to 4,000 points. Throws DataError on an empty side or a cost that is not finite (with its row and column) and
/// UsageError on weights that do not fit, are not finite, negative, or do not sum to 1.
EmdResult emd(linalg::MatrixView<const double> cost, std::span<const double> a = {}, std::span<const double> b = {},
              const EmdParams& params = {});

}  // namespace equal::transport
