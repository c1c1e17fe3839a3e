// Replays one policy on a corpus whose pairs are known: the bandit loop of the job without ranks, disks and calls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "equal/bandit/document_pool.hpp"
#include "equal/bandit/policy.hpp"
#include "equal/transport/marginal.hpp"

#include "replay.hpp"

namespace equal::bench {

/// One way to see a target: which reference items are the guide, and whether similarities to it can be trusted.
struct View {
  const ReplayCorpus* corpus = nullptr;
  linalg::Matrix<float> guide;    // (g, dim): what rewards are measured against
  std::vector<float> similarity;  // (n): what policies see
  bandit::Facts facts;
  std::uint64_t seed = 0;
};

/// `misled`: similarities are taken against the guide times a random orthogonal matrix of this seed; rewards stay true.
View make_view(const ReplayCorpus& corpus, const ReplayTarget& target, std::size_t guide_items, std::uint64_t seed,
               bool misled);

enum class Reward { marginal, batch, union_of };

struct RunParams {
  std::string policy = "pooled";
  bandit::PolicyParams policy_params;
  Reward reward = Reward::marginal;
  transport::MarginalParams marginal;
  std::uint64_t budget = 0;
  std::size_t delay = 0;         ///< rounds in flight beyond the one that is decided
  bool documents_alike = false;  ///< policies see of a document no more than its cluster: centroid and its similarity
  std::size_t unanswered = 0;    ///< > 0: order of arrival with so many documents in flight instead of rounds
  /// At first so many, or a sixteenth of the budget if that is more, then as many as are answered, up to `unanswered`
  /// (as the coordinator does); 0: none are held back.
  std::size_t unanswered_first = 32;
};

struct Run {
  std::vector<std::uint64_t> documents;  // in the order of asking
  std::size_t rounds = 0;
  double decide_seconds = 0.0;
  std::vector<bandit::Term> state;
};

Run simulate(const View& view, const RunParams& params);

}  // namespace equal::bench
