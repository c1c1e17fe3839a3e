#include "simple_policies.hpp"

#include <algorithm>
#include <numeric>

namespace equal::bandit {

std::vector<Candidate> InOrder::decide(Documents& documents, std::size_t room) {
  return documents.draw_any(room, order_);
}

std::vector<Term> InOrder::explain(const Candidate& c) const {
  if (order_ == Order::similarity) return {{"similarity to the guide", c.similarity}};
  if (order_ == Order::corpus) return {{"place in the corpus", static_cast<double>(c.number)}};
  return {{"random", std::ldexp(static_cast<double>(c.hash), -64)}};
}

Static::Static(Facts facts) : facts_(std::move(facts)), ranking_(facts_.arms.size()) {
  std::iota(ranking_.begin(), ranking_.end(), 0U);
  std::stable_sort(ranking_.begin(), ranking_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return facts_.arms[a].similarity > facts_.arms[b].similarity;
  });
}

std::vector<Candidate> Static::decide(Documents& documents, std::size_t room) {
  std::vector<Draw> draws;
  for (const std::uint32_t arm : ranking_) {
    if (room == 0) break;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(room, documents.remaining(arm)));
    if (n > 0) draws.push_back({arm, n});
    room -= n;
  }
  return documents.draw(draws, Order::hash);
}

std::vector<Term> Static::explain(const Candidate& c) const {
  return {{"similarity of the cluster to the guide", facts_.arms[c.arm].similarity}};
}

// NOLINTBEGIN(performance-unnecessary-value-param): every policy is made through one signature
std::unique_ptr<Policy> make_random_policy(const PolicyParams&, Facts) {
  return std::make_unique<InOrder>(Order::hash);
}
std::unique_ptr<Policy> make_full_policy(const PolicyParams&, Facts) {
  return std::make_unique<InOrder>(Order::corpus);
}
std::unique_ptr<Policy> make_nearest_policy(const PolicyParams&, Facts) {
  return std::make_unique<InOrder>(Order::similarity);
}
// NOLINTEND(performance-unnecessary-value-param)
std::unique_ptr<Policy> make_static_policy(const PolicyParams&, Facts facts) {
  return std::make_unique<Static>(std::move(facts));
}

}  // namespace equal::bandit
