#include "rewards.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/transport/marginal.hpp"

namespace equal::job {
namespace {

/// A document is worth the number of its kept pairs.
class PairsReward final : public RewardModel {
 public:
  void score(std::span<Scored> round) override {
    for (Scored& s : round) {
      s.reward = 0;
      for (double& credit : s.credits) {
        if (credit == kDuplicate) continue;
        credit = 1.0;
        s.reward += 1.0;
      }
    }
  }
};

/// The rows of a document's vectors that belong to pairs which no earlier pair of the run equals.
linalg::Matrix<float> unique_rows(const Scored& s) {
  const auto unique = static_cast<std::size_t>(std::count_if(s.credits.begin(), s.credits.end(), [](double c) { return c != kDuplicate; }));
  linalg::Matrix<float> out(unique, s.answer.vectors.columns());
  for (std::size_t i = 0, row = 0; i < s.credits.size(); ++i) {
    if (s.credits[i] != kDuplicate) std::ranges::copy(s.answer.vectors.row(i), out.row(row++).begin());
  }
  return out;
}

/// What a document's pairs add to the unserved mass of the guide.
class MarginalRewardModel final : public RewardModel {
 public:
  MarginalRewardModel(const Guide& guide, const transport::MarginalParams& params) : reward_(guide.vectors.view(), params, guide.weights) {}
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

std::unique_ptr<RewardModel> make_reward(const settings::Settings& settings, const Guide& guide, std::uint64_t budget, ThreadPool&) {
  if (settings.reward == "pairs") return std::make_unique<PairsReward>();
  if (settings.reward == "marginal") {
    transport::MarginalParams params;
    params.cap = settings.reward_cap;
    params.budget_documents = budget;
    return std::make_unique<MarginalRewardModel>(guide, params);
  }
  throw UsageError("extract.reward = " + settings.reward + ": not available");
}

}  // namespace equal::job
