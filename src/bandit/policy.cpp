#include "equal/bandit/policy.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/registered.hpp"

namespace equal::bandit {

#define EQUAL_DECLARE(name) std::unique_ptr<Policy> make_##name##_policy(const PolicyParams& params, Facts facts);
EQUAL_POLICIES(EQUAL_DECLARE)
#undef EQUAL_DECLARE

namespace {

constexpr std::string_view kNames[] = {EQUAL_POLICIES(EQUAL_QUOTED)};

#define EQUAL_MAKE(name) make_##name##_policy,
constexpr std::unique_ptr<Policy> (*kMakers[])(const PolicyParams&, Facts) = {EQUAL_POLICIES(EQUAL_MAKE)};
#undef EQUAL_MAKE

}  // namespace

std::unique_ptr<Policy> make_policy(std::string_view name, const PolicyParams& params, Facts facts) {
  if (facts.centroids.rows() != facts.arms.size()) throw InternalError("policy: a centroid is missing");
  if (!(facts.similarity_sd > 0)) facts.similarity_sd = 1.0;  // all documents alike: similarity tells nothing
  if (params.pull_documents == 0) throw UsageError("documents a pull = 0; must be at least 1");
  if (params.round_min == 0) throw UsageError("documents a round = 0; must be at least 1");
  if (params.beliefs.empty() || params.embedding_variances.empty())
    throw UsageError("pooled has no prior: at least one belief and one embedding variance");
  if (!(params.arm_variance >= 0) || !(params.noise_weight > 0)) {
    throw UsageError(
        format("pooled: arm variance = {}, noise weight = {}; the first must be at least 0, the second above 0",
               params.arm_variance, params.noise_weight));
  }
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found != std::end(kNames)) return kMakers[found - std::begin(kNames)](params, std::move(facts));
  std::string known;
  for (const auto n : kNames) known += (known.empty() ? "" : ", ") + std::string(n);
  throw UsageError(format("policy = {}; known policies: {}", name, known));
}

}  // namespace equal::bandit
