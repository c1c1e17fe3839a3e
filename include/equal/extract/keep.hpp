// Keep rules: which of the pairs that an extractor returned are worth having. A pair is kept if it is not empty, of
// sane length, complete, understandable without its document, grounded in its document, in its document's language, and
// not a duplicate of an earlier pair of the same document. Every drop has a reason. Pure functions: no clock, no
// randomness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "equal/extract/extractor.hpp"

namespace equal::extract {

/// How strongly a pair rests on its document; shares are 1 when there is nothing to check. Content words are those that
/// are no function words; each distinct one counts once.
struct Grounding {
  double answer_words = 1.0;      ///< share of the answer's content words that occur in the document or the question
  std::size_t foreign_words = 0;  ///< ... and how many do not
  double answer_numbers = 1.0;    ///< share of the answer's numbers that occur in the document
  double answer_phrases =
      1.0;  ///< share of the answer's neighbouring content words and numbers that are near neighbours there too
  double question_words = 1.0;  ///< share of the question's content words that occur in the document
};

/// Words are compared without inflection. Cost: linear in the two texts.
Grounding measure_grounding(std::string_view document, const Pair& pair);

struct KeepParams {
  std::size_t min_question_chars = 8;     ///< code points; below: "short"
  std::size_t max_question_chars = 2000;  ///< above: "long"
  std::size_t min_answer_chars = 1;
  std::size_t max_answer_chars = 8000;
  bool self_contained = true;  ///< drop "What does the passage above say?" and answers that refuse or point to a text
  /// The grounding rule; thresholds tuned on hand-labelled pairs (docs/extraction.md).
  bool grounded = true;
  double min_answer_words = 0.8;      ///< below, with more than max_foreign_words: "ungrounded_words"
  std::size_t max_foreign_words = 1;  ///< a short answer may rephrase one word
  double min_answer_numbers = 1.0;    ///< below: "ungrounded_numbers"
  double min_answer_phrases = 0.15;   ///< below: "ungrounded_phrases"; all words are there, but never together
  double min_question_words = 0.3;    ///< below: "ungrounded_question"
  bool same_language = true;          ///< drop a pair whose language is clearly another one than its document's
  bool duplicates = true;  ///< drop a pair whose question and answer, normalised, occurred earlier in the document
  std::size_t near_duplicate_bits = 3;  ///< with duplicates: also a pair whose SimHash differs in at most so many bits
                                        ///< from an earlier one's, if both hold the same numbers; 0: off
  double min_cosine = 0.0;              ///< 0: off. Least cosine of pair and document, below: "far"; needs `similarity`
  std::function<double(std::string_view document, const Pair& pair)> similarity;  ///< an encoder's cosine
  std::string similarity_name;  ///< the encoder's digest: enters digest() when min_cosine does

  /// For pairs that people wrote or that were checked before: only empty pairs and duplicates are dropped.
  static KeepParams trusting();
};

struct KeepResult {
  std::vector<Pair> kept;  ///< in the order given, texts trimmed
  std::vector<Rejected> rejected;
};

/// Reasons: empty short long placeholder not_self_contained refusal language ungrounded_words ungrounded_numbers
/// ungrounded_phrases ungrounded_question far duplicate near_duplicate. The first that applies, in this order, is
/// reported.
class KeepRules {
 public:
  /// Throws UsageError for shares outside [0, 1] or bounds that exclude everything, InternalError for min_cosine
  /// without a similarity.
  explicit KeepRules(const KeepParams& params = {});

  /// Thread-safe. Cost: linear in the texts.
  KeepResult apply(std::string_view document, const std::vector<Pair>& pairs) const;

  const KeepParams& params() const noexcept { return params_; }
  std::string digest() const;  ///< SHA-256 of the parameters and of the version of the rules

 private:
  std::string_view reason_to_drop(std::string_view document, std::string_view document_language,
                                  const Pair& pair) const;
  KeepParams params_;
};

/// Lower case, punctuation and spacing removed: equal for pairs that differ in nothing else.
std::string normalised(std::string_view text);

/// 64-bit SimHash (Charikar 2002) over stems of content words, numbers, and neighbours among them: function words,
/// inflection and punctuation do not count. Nothing for a pair with fewer than four of them, which says too little.
std::optional<std::uint64_t> simhash(const Pair& pair);

/// True for a text that needs another text to be understood ("according to the passage", "mentioned above").
bool points_to_source(std::string_view text);

}  // namespace equal::extract
