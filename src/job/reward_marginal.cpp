#include "equal/transport/marginal.hpp"

#include "rewards.hpp"

namespace equal::job {
namespace {

/// What a document's pairs add to the unserved mass of the guide.
class MarginalRewardModel final : public RewardModel {
 public:
  MarginalRewardModel(const Guide& guide, const transport::MarginalParams& params)
      : reward_(guide.vectors.view(), params, guide.weights) {}
  void score(std::span<Scored> round) override {
    for (Scored& s : round) {
      const auto pairs = unique_rows(s);
      const transport::DocumentCredit credit = reward_.credit(pairs.view());
      s.reward = credit.total;
      for (std::size_t i = 0, row = 0; i < s.credits.size(); ++i) {
        if (s.credits[i] != kDuplicate) s.credits[i] = credit.pairs[row++];
      }
    }
  }
  std::vector<double> served() const override { return {reward_.served().begin(), reward_.served().end()}; }

 private:
  transport::MarginalReward reward_;
};

}  // namespace

std::unique_ptr<RewardModel> make_marginal_reward(const RewardInputs& inputs) {
  transport::MarginalParams params;
  params.cap = inputs.settings.reward_cap;
  params.budget_documents = inputs.budget;
  return std::make_unique<MarginalRewardModel>(inputs.guide, params);
}

}  // namespace equal::job
