// Command line of bench_selection: --name value, all optional.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simulate.hpp"

namespace equal::bench {

std::vector<std::string> split(const std::string& text);  ///< at commas

struct Options {
  std::string cache;
  std::map<std::string, std::string> values{
      {"seeds", "10"},
      {"targets", "gsm8k,mbpp,medquad"},
      {"views", "good,lsa,misled,scarce"},
      {"policies", "random,released,static,nearest,pooled"},
      {"budgets", "0.5,1,2,5,10"},  // per cent of the corpus
      {"k", "173"},                 // clusters, as vectors.py made them
      {"delay", "0"},
      {"unanswered", "0"},
      {"unanswered_first",
       "32"},  // at first so many, or 1/16 of the budget, then as many as are answered; 0: none are held back
      {"threads", "0"},
      {"transport", "1"},
      {"scarce_documents", "20"},  // so many are left of those that hold useful pairs in the view scarce
      {"scarce_draw", "77"},       // which
      {"language_seeds", "2"},     // for so many seeds the n-gram judge is asked
      // Parts that can be changed one at a time; empty: the default.
      {"reward", ""},     // marginal, batch, union: of every policy
      {"documents", ""},  // alike: policies see a document as its cluster
      {"beliefs", ""},
      {"embedding_variances", ""},
      {"arm_variance", ""},
      {"noise_weight", ""},
      {"share", ""},
      {"cap", ""},
      {"norm", ""},
      {"earning_share", ""},
      {"calibrating", ""},
      {"round_min", ""},
      {"round_growth", ""},
      {"optimism", ""},
      {"ranked_share", ""},
      {"near_duplicate", ""},
      {"pull", ""},
  };
  std::size_t count(const std::string& key) const { return static_cast<std::size_t>(std::stoull(values.at(key))); }
};

/// Throws UsageError.
Options parse_options(int argc, char** argv);

/// All that the verdicts of one cell and policy depend on, as text.
std::string what_decides(const Options& options, const std::string& view, const std::string& target,
                         const std::string& budget, const std::string& policy);

RunParams run_params(const Options& options, const std::string& policy, std::uint64_t budget);

}  // namespace equal::bench
