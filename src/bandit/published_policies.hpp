// The authors' rules: `released` (their code) and `paper` (arXiv 2505.12250, section 4.3). Both pull fixed numbers of
// documents from the arms with the highest score.
#pragma once

#include <optional>

#include "equal/bandit/policy.hpp"

namespace equal::bandit {

class PullPolicy : public Policy {
 public:
  PullPolicy(const PolicyParams& params, Facts facts);
  std::vector<Candidate> decide(Documents& documents, std::size_t room) override;
  void asked(std::span<const Candidate> decision) override;
  void observe(std::span<const Outcome> outcomes, std::span<const Pull> pulls) override;
  std::vector<Term> explain(const Candidate& candidate) const override;

 protected:
  /// Nothing when the arm cannot be pulled now.
  virtual std::optional<double> score(std::uint32_t arm, std::uint64_t remaining) const = 0;
  virtual void credit(const Pull& pull) = 0;
  virtual std::vector<Term> terms(std::uint32_t arm) const = 0;
  const PolicyParams params_;
  const Facts facts_;
  const std::size_t round_arms_;
  std::vector<std::uint64_t> pending_;  // documents asked and not observed, by arm
};

/// score_i = mean_i + alpha sqrt(2 ln(sum of all credits) / (credits_i + 1)). A pull's reward is credited to its arm's
/// neighbours (itself included); mean and credits run over all that was credited; unvisited mean 0. The first round is
/// arms 0 .. round_arms - 1; documents in corpus order; an arm with fewer documents left than a pull takes is done.
class Released final : public PullPolicy {
 public:
  Released(const PolicyParams& params, Facts facts);
  std::vector<Term> state() const override;

 private:
  void credit(const Pull& pull) override;
  std::optional<double> score(std::uint32_t arm, std::uint64_t remaining) const override;
  std::vector<Term> terms(std::uint32_t arm) const override;
  double mean(std::uint32_t arm) const;
  double bonus(std::uint32_t arm) const;
  std::vector<double> sum_, credits_;
  double all_credits_ = 0.0;
};

/// score_i = last `union` reward of arm i + alpha sqrt(2 ln(sum T) / T_i), alpha = 1 / (sum T + 1), T_i pulls of arm i;
/// unvisited arms first, by id; an arm whose pull is not in yet waits for it.
class Paper final : public PullPolicy {
 public:
  Paper(const PolicyParams& params, Facts facts);
  std::vector<Term> state() const override;

 private:
  void credit(const Pull& pull) override;
  std::optional<double> score(std::uint32_t arm, std::uint64_t remaining) const override;
  std::vector<Term> terms(std::uint32_t arm) const override;
  double bonus(std::uint32_t arm) const;
  std::vector<double> reward_, pulls_;
  double all_pulls_ = 0.0;
};

}  // namespace equal::bandit
