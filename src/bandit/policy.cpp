#include "equal/bandit/policy.hpp"

#include <array>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "pooled_policy.hpp"
#include "published_policies.hpp"
#include "simple_policies.hpp"

namespace equal::bandit {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"random",   "full",  "static",   "nearest",
                                                    "released", "paper", "thompson", "pooled"};

}  // namespace

std::span<const std::string_view> policy_names() { return kNames; }

std::unique_ptr<Policy> make_policy(std::string_view name, const PolicyParams& params, Facts facts) {
  if (facts.centroids.rows() != facts.arms.size()) throw InternalError("policy: a centroid is missing");
  if (!(facts.similarity_sd > 0)) facts.similarity_sd = 1.0;  // all documents alike: similarity tells nothing
  if (params.pull_documents == 0) throw UsageError("documents a pull = 0; must be at least 1");
  if (params.round_min == 0) throw UsageError("documents a round = 0; must be at least 1");
  if (params.beliefs.empty() || params.embedding_variances.empty())
    throw UsageError("pooled has no prior: at least one belief and one embedding variance");
  if (name == "random") return std::make_unique<InOrder>(Order::hash);
  if (name == "full") return std::make_unique<InOrder>(Order::corpus);
  if (name == "nearest") return std::make_unique<InOrder>(Order::similarity);
  if (name == "static") return std::make_unique<Static>(std::move(facts));
  if (name == "released") return std::make_unique<Released>(params, std::move(facts));
  if (name == "paper") return std::make_unique<Paper>(params, std::move(facts));
  if (name == "thompson") return std::make_unique<Pooled>(params, std::move(facts), Choice::sample);
  if (name == "pooled") return std::make_unique<Pooled>(params, std::move(facts), Choice::upper_bound);
  std::string known;
  for (const auto n : kNames) known += (known.empty() ? "" : ", ") + std::string(n);
  throw UsageError(format("policy = {}; known policies: {}", name, known));
}

}  // namespace equal::bandit
