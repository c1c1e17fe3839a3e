#include "published_policies.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equal::bandit {
namespace {

std::size_t arms_a_round(const PolicyParams& params, std::size_t arms) {
  if (params.round_arms > 0) return params.round_arms;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(50.0 * static_cast<double>(arms) / 900.0)));
}

}  // namespace

PullPolicy::PullPolicy(const PolicyParams& params, Facts facts)
    : params_(params),
      facts_(std::move(facts)),
      round_arms_(arms_a_round(params, facts_.arms.size())),
      pending_(facts_.arms.size(), 0) {}

void PullPolicy::asked(std::span<const Candidate> decision) {
  for (const Candidate& c : decision) ++pending_[c.arm];
}

void PullPolicy::observe(std::span<const Outcome> outcomes, std::span<const Pull> pulls) {
  for (const Outcome& o : outcomes) --pending_[o.document.arm];
  for (const Pull& pull : pulls) credit(pull);
}

std::vector<Candidate> PullPolicy::decide(Documents& documents, std::size_t room) {
  std::vector<std::pair<double, std::uint32_t>> open;
  for (std::uint32_t arm = 0; arm < facts_.arms.size(); ++arm) {
    if (const auto s = score(arm, documents.remaining(arm))) open.emplace_back(*s, arm);
  }
  std::stable_sort(open.begin(), open.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Draw> draws;
  for (const auto& [value, arm] : open) {
    const std::uint64_t left = documents.remaining(arm);
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left, params_.pull_documents));
    if (draws.size() == round_arms_ || n > room) break;  // the budget ends on a whole pull
    draws.push_back({arm, n});
    room -= n;
  }
  return documents.draw(draws, Order::corpus);
}

std::vector<Term> PullPolicy::explain(const Candidate& candidate) const { return terms(candidate.arm); }

Released::Released(const PolicyParams& params, Facts facts)
    : PullPolicy(params, std::move(facts)), sum_(facts_.arms.size(), 0.0), credits_(facts_.arms.size(), 0.0) {}

double Released::mean(std::uint32_t arm) const { return credits_[arm] > 0 ? sum_[arm] / credits_[arm] : 0.0; }

double Released::bonus(std::uint32_t arm) const {
  return params_.alpha * std::sqrt(2.0 * std::log(all_credits_) / (credits_[arm] + 1.0));
}

std::optional<double> Released::score(std::uint32_t arm, std::uint64_t remaining) const {
  if (remaining < params_.pull_documents) return std::nullopt;
  if (all_credits_ == 0) return arm < round_arms_ ? std::optional<double>(0.0) : std::nullopt;
  return mean(arm) + bonus(arm);
}

void Released::credit(const Pull& pull) {
  for (const std::uint32_t arm : facts_.arms[pull.arm].neighbours) {
    sum_[arm] += pull.reward;
    credits_[arm] += 1.0;
    all_credits_ += 1.0;
  }
}

std::vector<Term> Released::terms(std::uint32_t arm) const {
  return {{"mean", mean(arm)}, {"bonus", all_credits_ > 0 ? bonus(arm) : 0.0}, {"credits", credits_[arm]}};
}

std::vector<Term> Released::state() const { return {{"credits", all_credits_}}; }

Paper::Paper(const PolicyParams& params, Facts facts)
    : PullPolicy(params, std::move(facts)), reward_(facts_.arms.size(), 0.0), pulls_(facts_.arms.size(), 0.0) {}

double Paper::bonus(std::uint32_t arm) const {
  return std::sqrt(2.0 * std::log(all_pulls_) / pulls_[arm]) / (all_pulls_ + 1.0);
}

std::optional<double> Paper::score(std::uint32_t arm, std::uint64_t remaining) const {
  if (remaining == 0 || pending_[arm] > 0) return std::nullopt;
  if (pulls_[arm] == 0) return std::numeric_limits<double>::infinity();
  return reward_[arm] + bonus(arm);
}

void Paper::credit(const Pull& pull) {
  reward_[pull.arm] = pull.reward;
  pulls_[pull.arm] += 1.0;
  all_pulls_ += 1.0;
}

std::vector<Term> Paper::terms(std::uint32_t arm) const {
  return {{"union reward", reward_[arm]}, {"bonus", pulls_[arm] > 0 ? bonus(arm) : 0.0}, {"pulls", pulls_[arm]}};
}

std::vector<Term> Paper::state() const { return {{"pulls", all_pulls_}}; }

std::unique_ptr<Policy> make_released_policy(const PolicyParams& params, Facts facts) {
  return std::make_unique<Released>(params, std::move(facts));
}
std::unique_ptr<Policy> make_paper_policy(const PolicyParams& params, Facts facts) {
  return std::make_unique<Paper>(params, std::move(facts));
}

}  // namespace equal::bandit
