#include "rewards.hpp"

#include <algorithm>
#include <map>

#include "equal/transport/marginal.hpp"
#include "equal/transport/rewards.hpp"

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
  const auto unique = static_cast<std::size_t>(
      std::count_if(s.credits.begin(), s.credits.end(), [](double c) { return c != kDuplicate; }));
  linalg::Matrix<float> out(unique, s.answer.vectors.columns());
  for (std::size_t i = 0, row = 0; i < s.credits.size(); ++i) {
    if (s.credits[i] != kDuplicate) std::ranges::copy(s.answer.vectors.row(i), out.row(row++).begin());
  }
  return out;
}

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

}  // namespace

std::unique_ptr<RewardModel> make_reward(const settings::Settings& settings, const Guide& guide, std::uint64_t budget,
                                         ThreadPool& pool) {
  if (settings.reward == "pairs") return std::make_unique<PairsReward>();
  if (settings.reward == "marginal") {
    transport::MarginalParams params;
    params.cap = settings.reward_cap;
    params.budget_documents = budget;
    return std::make_unique<MarginalRewardModel>(guide, params);
  }
  transport::TransportRewardParams params;
  params.solver = transport::solver_by_name(settings.transport_solver);
  params.cost = settings.transport_cost == "cosine" ? transport::CostKind::cosine : transport::CostKind::euclidean;
  using Over = TransportRewardModel::Over;
  return std::make_unique<TransportRewardModel>(guide, params, settings.reward == "batch" ? Over::pull : Over::arm,
                                                pool);
}

}  // namespace equal::job
