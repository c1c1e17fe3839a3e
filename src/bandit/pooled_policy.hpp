// `pooled` and `thompson`: one Bayesian linear model of a document's reward, shared by all arms.
//
// Features of a document: [1, z, z of its arm, embedding around the corpus mean], z the standardised similarity to the
// guide. Several priors compete: how far similarity is believed, how much the embedding explains. Each has an exact
// posterior of its own and they are averaged by their marginal likelihood, so that a misleading encoder is unlearned
// and rare rewards, which only a belief in similarity foresaw, strengthen that belief.
#pragma once

#include <map>

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
  struct Member;  // a model that takes part in a decision

  void features(const Candidate& c, std::span<double> out) const;
  double arm_z(std::uint32_t arm) const;
  /// Shares of the priors, (models, beliefs): their marginal likelihoods, scaled to sum 1; negligible ones are 0.
  linalg::Matrix<double> shares() const;
  /// Posterior mean of theta over all priors.
  std::vector<double> mean_theta(const linalg::Matrix<double>& shares) const;
  /// A document's value under theta and one intercept an arm.
  LinearScore score_under(std::span<const double> theta, std::vector<double> intercepts) const;
  LinearScore mean_score() const;
  LinearScore sampled_score(RandomStream& random) const;
  /// Arms whose documents compete this round: all, or those with the highest upper bound until enough documents are
  /// open.
  std::vector<std::uint32_t> open_arms(const LinearScore& score, const Documents& documents) const;
  std::vector<Member> members(std::span<const Candidate> offered) const;
  std::size_t ranked_documents(std::size_t wanted) const;
  /// The first `ranked` are taken first.
  std::vector<Candidate> choose(std::vector<Candidate> offered, std::size_t ranked, std::size_t wanted,
                                const LinearScore& score) const;
  bool near_duplicate(const Candidate& c, std::span<const Candidate> chosen) const;
  std::size_t round_size(std::size_t room) const;

  const PolicyParams params_;
  const Facts facts_;
  const Choice choice_;
  std::vector<double> center_;       // mean of the corpus
  double scale_ = 1.0;               // 1 / root mean square distance from it
  std::vector<LinearModel> models_;  // one for each variance of the embedding's weights, with all beliefs in similarity
  std::map<std::uint64_t, Candidate> pending_;                  // by number
  std::map<std::uint32_t, std::vector<Candidate>> last_asked_;  // by arm, a ring of kRemembered
  std::uint64_t asked_ = 0, observed_ = 0, rounds_ = 0;
  double billed_beyond_text_ = 0.0;
};

}  // namespace equal::bandit
