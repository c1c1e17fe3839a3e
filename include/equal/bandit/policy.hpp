// Policies: which documents are asked next. Pure: a decision is a function of (seed, facts, what was asked and
// observed, in that order). No clock, no MPI, no transport: rewards arrive as numbers.
//
// The job's loop:  decide -> mark and send what it returns -> asked() -> ... -> observe() when the answers are in.
// To resume, replay the recorded asked() and observe() calls in order, without decide(): the state is then the same to
// the last bit. An empty decision while documents are pending means "wait for answers"; with none pending, the end.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equal/bandit/documents.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::bandit {

/// Facts about an arm that never change during extraction. Arm i is cluster i.
struct Arm {
  std::uint64_t documents = 0;
  double radius = 0.0;                    ///< largest distance of a document to the centroid
  double variance = 0.0;                  ///< mean squared distance to the centroid
  double similarity = 0.0;                ///< of the centroid, scaled to unit length, to the guide (GuideSimilarity)
  std::vector<std::uint32_t> neighbours;  ///< arms within the authors' distance, itself included; used by `released`
};

/// All that a policy knows before the first answer.
struct Facts {
  std::vector<Arm> arms;
  linalg::Matrix<float> centroids;  ///< (arms, dim)
  double similarity_mean = 0.0;     ///< over the documents
  double similarity_sd = 1.0;
  double tokens_mean = 0.0;            ///< of a document
  std::uint64_t budget_documents = 0;  ///< what the run may ask in all; 0: no limit
};

/// What came back for one document.
struct Outcome {
  Candidate document;       ///< as it was decided (score unused)
  bool answered = true;     ///< false: failed for good; teaches nothing, costs what it cost
  std::uint32_t pairs = 0;  ///< kept
  double reward = 0.0;      ///< of this document; under `batch` and `union`, that of its pull
  double tokens = 0.0;      ///< prompt and completion, as billed; 0 when nobody was called
};

/// Documents of one arm that were decided together.
struct Pull {
  std::uint32_t arm = 0;
  std::uint64_t documents = 0, pairs = 0;
  double reward = 0.0;  ///< `batch`, `union`; under `marginal` the mean over the pull's documents
};

/// A named number for people: terms of a document's score, or of a policy's state.
struct Term {
  std::string name;
  double value = 0.0;
};

/// What a budget is counted in: one document is worth its value, or its value per expected token.
enum class Cost : std::uint8_t { documents, tokens };

struct PolicyParams {
  std::uint64_t seed = 1;
  /// Policies that pull: documents a pull.
  std::size_t pull_documents = 10;
  /// `released`, `paper`: arms a round; 0: the authors' 50 of 900 in proportion, at least 1.
  std::size_t round_arms = 0;
  /// `released`: weight of the exploration bonus.
  double alpha = 0.001;
  Cost cost = Cost::documents;
  /// `pooled`, `thompson`: a round has max(round_min, observed documents * round_growth) documents.
  std::size_t round_min = 10;
  double round_growth = 0.05;
  /// `pooled`: documents compete by mean + this x standard deviation of their expected reward.
  double optimism = 1.0;
  /// The priors that compete: every belief in similarity (1: in full, 0: not at all) with every variance of what the
  /// embedding explains, in units of the noise variance. At least one of each.
  std::vector<double> beliefs{0.0, 0.5, 1.0};
  std::vector<double> embedding_variances{0.5, 4.0};
  /// Variance of what a cluster adds to its documents' rewards, in units of the noise variance, >= 0.
  double arm_variance = 0.05;
  /// `pooled`: the noise variance starts from 0.1 as if so many answers had shown it, > 0: rewards that all were small
  /// do not make the model certain.
  double noise_weight = 16.0;
  /// `pooled`: so much of a round, times the belief in similarity that is left, goes to the documents most similar to
  /// the guide, whatever the model thinks of them: what it is wrong about is still asked, as ranking would.
  double ranked_share = 0.0;
  /// `pooled`: a document closer (cosine) than this to one that was asked is skipped.
  double near_duplicate = 0.99;
  /// `pooled`, `thompson`: arms are opened, best bound first, until so many of their documents compete in a round.
  std::uint64_t open_documents = std::uint64_t{1} << 18;
  /// `pooled`: after `stop_after` answers, end when no document's mean + 2 deviations reaches this reward (a document,
  /// or a thousand tokens under Cost::tokens); 0: never.
  double stop_value = 0.0;
  std::uint64_t stop_after = 200;
};

class Policy {
 public:
  virtual ~Policy() = default;
  /// At most `room` (> 0) documents to ask next; a policy may ask for fewer. Does not change what the policy knows.
  virtual std::vector<Candidate> decide(Documents& documents, std::size_t room) = 0;
  /// The decision was taken up. The same candidates in the same order (a prefix when the budget cut it).
  virtual void asked(std::span<const Candidate> decision) = 0;
  /// Answers, in (arm, number) order, with their pulls. REQUIRES: each document was asked and not yet observed.
  virtual void observe(std::span<const Outcome> outcomes, std::span<const Pull> pulls) = 0;
  /// Why this document stands where it stands: terms that add up to its value, then what else was weighed.
  virtual std::vector<Term> explain(const Candidate& candidate) const = 0;
  /// What the policy has learned so far, for rounds.jsonl and reports.
  virtual std::vector<Term> state() const = 0;
};

/// Throws UsageError naming the known policies, or the parameter that is out of range.
std::unique_ptr<Policy> make_policy(std::string_view name, const PolicyParams& params, Facts facts);

}  // namespace equal::bandit
