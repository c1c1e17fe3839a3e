// Judges a selection by a fixed outside encoder (stock MiniLM), whatever encoder selected.
#pragma once

#include "replay.hpp"
#include "simulate.hpp"

namespace equal::bench {

struct Verdict {
  double pairs = 0.0;
  double useful = 0.0;         ///< pairs with a cosine above 0.6 to some test item
  double useful_beside = 0.0;  ///< the same for the second test set (mbpp: humaneval)
  double on_target = 0.0;      ///< share of documents of the target's domains
  double covered = 0.0;        ///< share of test items with a selected pair above 0.75
  double mean_nearest = 0.0;   ///< mean cosine of a test item to its nearest selected pair
  double transport =
      0.0;  ///< exact, Euclidean: the best-credit pairs (at most kTransportPairs) to a sample of the test set
  double calls_per_useful = 0.0;
  double cross_entropy =
      0.0;  ///< bits a word of the test set under a 4-gram model of the selected pairs; 0: not asked for
};

constexpr std::size_t kTransportPairs = 250;

/// judge_pairs (p, judge dim): all pairs of the corpus in the judge's vectors.
Verdict judge(const View& view, const ReplayTarget& target, const linalg::Matrix<float>& judge_pairs, const Run& run,
              const transport::MarginalParams& marginal, bool with_transport, const LanguageJudge* language);

/// Useful pairs of each document.
std::vector<int> useful_pairs(const ReplayCorpus& corpus, const ReplayTarget& target);

}  // namespace equal::bench
