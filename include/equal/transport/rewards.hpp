// Rewards of the published method: how far the pairs of an arm are from the guide. Plain numbers out; the policy is
// bandit/'s.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/linalg/matrix.hpp"
#include "equal/transport/cost.hpp"
#include "equal/transport/emd.hpp"
#include "equal/transport/ipot.hpp"
#include "equal/transport/sinkhorn.hpp"

namespace equal::transport {

enum class Solver { emd, sinkhorn, ipot };

const char* solver_name(Solver solver) noexcept;
/// "emd", "sinkhorn" or "ipot", otherwise UsageError.
Solver solver_by_name(const std::string& name);

struct TransportRewardParams {
  CostKind cost = CostKind::euclidean;
  Solver solver = Solver::emd;
  /// Taken off the reward `batch`, as the authors' released code does (their threshold of a useful pull). It moves all
  /// arms alike, but shows against unvisited arms, whose mean is 0.
  double batch_offset = 0.12;
  EmdParams emd{};
  SinkhornParams sinkhorn{};
  IpotParams ipot{};
};

/// Compares sets of pairs with one guide. Const and thread-safe after construction.
class TransportReward {
 public:
  /// guide (items, dim), unit rows, items >= 1; copied. Throws as CostRows, and DataError on an empty guide.
  TransportReward(linalg::MatrixView<const float> guide, const TransportRewardParams& params);

  /// W between pairs (n, dim), unit rows, and the guide, with uniform weights. Without pairs: kWorstCost, as if all of
  /// them were opposite to the guide: a pull that yields nothing must not look better than one that yields something.
  /// Throws InternalError where emd stops at its limit; sinkhorn at its limit is as good as it got, which its
  /// parameters say.
  double distance(linalg::MatrixView<const float> pairs) const;

  /// 1 - W(pairs of one pull, guide) - batch_offset: released code.
  double batch(linalg::MatrixView<const float> pairs) const { return 1.0 - distance(pairs) - params_.batch_offset; }
  /// 1 - W(all pairs of the arm so far, guide): arXiv 2505.12250.
  double union_of(linalg::MatrixView<const float> pairs) const { return 1.0 - distance(pairs); }

  /// One value per set. Each set is one task on one thread, so the values are the same bits for any number of threads.
  std::vector<double> distances(std::span<const linalg::MatrixView<const float>> sets, ThreadPool& pool) const;

 private:
  TransportRewardParams params_;
  CostRows guide_;
};

}  // namespace equal::transport
