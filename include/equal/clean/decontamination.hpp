// Pairs that hold an item of a benchmark are found, so that what a model is trained on is not what it is tested with.
//
// Texts are compared as tokens (text/tokens.hpp: lower case, no punctuation). Question and answer of a pair are
// searched each for itself. The rules, w = tokens of the item's question:
//   run       w >= 13: 13 neighbouring tokens of the question occur (the rule of GPT-3 and its successors, arXiv
//             2005.14165 appendix C, who take 8 to 13)
//   whole     5 <= w < 13: the whole question occurs
//   equal     w < 5: the pair's question is the item's ("What is asthma?" inside another text says nothing)
//   reworded  13 <= w < 27: the question occurs but for one token put in, left out or exchanged; longer questions
//             keep a run of 13 in that case
//   answer    at least `answer_share` of the 13-token runs of the item's answer occur, not counting runs that answers
//   of
//             other items hold too (the fixed phrases of a site say nothing); an answer without any own run is not used
// Shorter questions that differ by a token are mostly other questions ("symptoms of A", "symptoms of B"): they are
// found by their answers, or not at all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace equal::clean {

struct BenchmarkItem {
  std::string source;        ///< file, for the report
  std::uint64_t number = 0;  ///< 0-based in its file
  std::string question, answer;
};

struct DecontaminationParams {
  std::size_t run = 13;        ///< tokens
  std::size_t whole_from = 5;  ///< shorter questions must be equal
  double answer_share = 0.5;   ///< of the answer's runs, in (0, 1]
  bool reworded = true;
};

enum class ContaminationRule { run, whole, equal, reworded, answer };
const char* name_of(ContaminationRule rule) noexcept;

struct Contamination {
  std::size_t item = 0;  ///< index of the benchmark item, the lowest that any rule finds
  ContaminationRule rule{};
};

/// Immutable after construction and safe to share between threads. Memory: about 40 bytes a token of the benchmark.
class Decontaminator {
 public:
  /// Throws UsageError for parameters out of range.
  explicit Decontaminator(std::vector<BenchmarkItem> items, const DecontaminationParams& params = {});

  const std::vector<BenchmarkItem>& items() const noexcept { return items_; }
  /// Cost: linear in the pair's tokens times the number of distinct run lengths (at most 13).
  std::optional<Contamination> find(std::string_view question, std::string_view answer) const;

 private:
  using Tokens = std::vector<std::uint64_t>;
  struct Place {
    std::uint32_t item, position;
  };
  /// All runs of one length of some items' questions: hash -> where. Lengths differ by rule and question.
  struct Runs {
    ContaminationRule rule;
    std::size_t length;
    std::unordered_multimap<std::uint64_t, Place> places;
  };
  Runs& runs(ContaminationRule rule, std::size_t length);
  void index_answers();
  void search(const Tokens& tokens, std::optional<Contamination>& best) const;
  void search_answers(const Tokens& tokens, std::optional<Contamination>& best) const;
  bool one_token_apart(const Tokens& item, const Tokens& text, std::size_t item_at, std::size_t text_at,
                       std::size_t length) const;

  std::vector<BenchmarkItem> items_;
  DecontaminationParams params_;
  std::vector<Tokens> questions_;
  std::vector<Runs> runs_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> short_questions_;  // hash of the whole -> item
  std::unordered_multimap<std::uint64_t, std::uint32_t> answers_;          // run -> item, each run once an item
  std::vector<std::uint32_t> answer_runs_;                                 // of each item
};

}  // namespace equal::clean
