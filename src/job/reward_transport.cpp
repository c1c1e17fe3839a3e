#include <map>

#include "equal/transport/rewards.hpp"

#include "rewards.hpp"

namespace equal::job {
namespace {

/// Transport distance of a pull's pairs, or of all pairs of its arm so far, to the guide: the published rewards. Every
/// document of a pull gets the pull's reward; single pairs get no credit of their own.
class TransportRewardModel final : public RewardModel {
 public:
  enum class Over { pull, arm };
  TransportRewardModel(const Guide& guide, const transport::TransportRewardParams& params, Over over, ThreadPool& pool)
      : reward_(guide.vectors.view(), params),
        offset_(over == Over::pull ? params.batch_offset : 0.0),
        over_(over),
        dim_(guide.vectors.columns()),
        pool_(pool) {}
  void score(std::span<Scored> round) override {
    std::vector<std::size_t> first;  // of each pull in the round
    std::vector<std::vector<float>> sets;
    for (std::size_t i = 0; i < round.size(); ++i) {
      if (i == 0 || round[i].arm != round[i - 1].arm) {
        first.push_back(i);
        sets.push_back(over_ == Over::arm ? of_arm_[round[i].arm] : std::vector<float>{});
      }
      const auto pairs = unique_rows(round[i]);
      sets.back().insert(sets.back().end(), pairs.values().begin(), pairs.values().end());
    }
    std::vector<linalg::MatrixView<const float>> views;
    views.reserve(sets.size());
    for (const auto& set : sets) views.emplace_back(set.data(), set.size() / dim_, dim_);
    const auto distances = reward_.distances(views, pool_);
    for (std::size_t p = 0; p < first.size(); ++p) {
      const std::size_t end = p + 1 < first.size() ? first[p + 1] : round.size();
      for (std::size_t i = first[p]; i < end; ++i) round[i].reward = 1.0 - distances[p] - offset_;
      if (over_ == Over::arm) of_arm_[round[first[p]].arm] = std::move(sets[p]);
    }
  }

 private:
  transport::TransportReward reward_;
  double offset_;
  Over over_;
  std::size_t dim_;
  ThreadPool& pool_;
  std::map<std::uint32_t, std::vector<float>> of_arm_;  // rows of all pairs of an arm
};

std::unique_ptr<RewardModel> make_transport_reward(const RewardInputs& inputs, TransportRewardModel::Over over) {
  transport::TransportRewardParams params;
  params.solver = transport::solver_by_name(inputs.settings.transport_solver);
  params.cost =
      inputs.settings.transport_cost == "cosine" ? transport::CostKind::cosine : transport::CostKind::euclidean;
  return std::make_unique<TransportRewardModel>(inputs.guide, params, over, inputs.pool);
}

}  // namespace

std::unique_ptr<RewardModel> make_batch_reward(const RewardInputs& inputs) {
  return make_transport_reward(inputs, TransportRewardModel::Over::pull);
}
std::unique_ptr<RewardModel> make_union_reward(const RewardInputs& inputs) {
  return make_transport_reward(inputs, TransportRewardModel::Over::arm);
}

}  // namespace equal::job
