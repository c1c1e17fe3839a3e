#include "equal/transport/rewards.hpp"

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::transport {

const char* solver_name(Solver solver) noexcept {
  switch (solver) {
    case Solver::emd:
      return "emd";
    case Solver::sinkhorn:
      return "sinkhorn";
    case Solver::ipot:
      break;
  }
  return "ipot";
}

Solver solver_by_name(const std::string& name) {
  for (const Solver solver : {Solver::emd, Solver::sinkhorn, Solver::ipot}) {
    if (name == solver_name(solver)) return solver;
  }
  throw UsageError(equal::format("no transport solver is called '{}'; choose emd, sinkhorn or ipot", name));
}

TransportReward::TransportReward(linalg::MatrixView<const float> guide, const TransportRewardParams& params)
    : params_(params), guide_(guide, "guide") {
  if (guide.rows == 0) throw DataError("transport reward: the guide is empty; it needs at least one reference pair");
}

double TransportReward::distance(linalg::MatrixView<const float> pairs) const {
  if (pairs.rows == 0) return kWorstCost;
  const linalg::Matrix<double> cost = cost_matrix(CostRows(pairs, "pairs"), guide_, params_.cost);
  switch (params_.solver) {
    case Solver::sinkhorn:
      return sinkhorn(cost.view(), {}, {}, params_.sinkhorn).value;
    case Solver::ipot:
      return ipot(cost.view(), {}, {}, params_.ipot).value;
    case Solver::emd:
      break;
  }
  const EmdResult result = emd(cost.view(), {}, {}, params_.emd);
  if (!result.optimal) {
    throw InternalError(
        equal::format("emd stopped after {} pivots on {} x {} points with value in [{}, {}]; raise its limit",
                      result.pivots, cost.rows(), cost.columns(), result.lower_bound, result.value));
  }
  return result.value;
}

std::vector<double> TransportReward::distances(std::span<const linalg::MatrixView<const float>> sets,
                                               ThreadPool& pool) const {
  std::vector<double> out(sets.size());
  pool.run(sets.size(), [&](std::size_t i, std::size_t) { out[i] = distance(sets[i]); });
  return out;
}

}  // namespace equal::transport
