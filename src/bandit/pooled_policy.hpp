// `pooled` and `thompson`: one Bayesian linear model of a document's reward, shared by all arms.
//
// Features of a document: [1, z, z of its arm, embedding around the corpus mean], z the standardised similarity to the
// guide. Several priors compete (how far the similarity is believed, how much the embedding and the arms explain); each
// is an exact posterior of its own and they are averaged by their marginal likelihood, so nothing is set by hand and a
// misleading encoder is unlearned.
#pragma once

#include <memory>
#include <unordered_map>

#include "equal/base/random.hpp"
#include "equal/bandit/linear_model.hpp"
#include "equal/bandit/policy.hpp"

namespace equal::bandit {

enum class Choice : std::uint8_t { upper_bound, sample };

class Pooled final : public Policy {
 public:
  Pooled(const PolicyParams& params, Facts facts, Choice choice);
  std::vector<Candidate> decide(Documents& documents, std::size_t room) override;
  void asked(std::span<const Candidate> decision) override;
  void observe(std::span<const Outcome> outcomes, std::span<const Pull> pulls) override;
  std::vector<Term> explain(const Candidate& candidate) const override;
  std::vector<Term> state() const override;

 private:
  std::vector<double> features(std::uint32_t arm, double similarity, std::span<const float> embedding) const;
  std::vector<double> weights() const;
  LinearScore mean_score() const;
  std::size_t round_size(std::size_t room) const;

  const PolicyParams params_;
  const Facts facts_;
  const Choice choice_;
  std::vector<double> center_;  // mean of the corpus
  double scale_ = 1.0;          // 1 / root mean square distance from it
  std::vector<LinearModel> models_;
  std::unordered_map<std::uint64_t, Candidate> pending_;
  std::uint64_t observed_ = 0, rounds_ = 0;
};

}  // namespace equal::bandit
