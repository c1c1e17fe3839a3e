// An n-gram language model, the small downstream model that judges a selection: interpolated Kneser-Ney with one
// discount (Kneser and Ney 1995; Chen and Goodman 1999, section 2.7). bench/selection/check_ngram.py compares it with
// NLTK's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace equal::bench {

using Word = std::int32_t;
inline constexpr Word kTextBegins = 1, kTextEnds = 2;

class KneserNey {
 public:
  /// vocabulary > 0: what the unigrams leave is spread evenly over so many words, so that every word has a probability.
  /// 0: unigrams keep all, as in NLTK. order 2 .. 5.
  KneserNey(std::size_t order, double discount, std::size_t vocabulary);

  /// One text. It is read with order - 1 begins before it and one end behind it.
  void add(std::span<const Word> text);

  /// P(word | context); the context is the order - 1 words before it.
  double probability(std::span<const Word> context, Word word) const;

  /// Mean bits a word over texts, their ends included.
  double cross_entropy(const std::vector<std::span<const Word>>& texts) const;

 private:
  struct Context {
    double count = 0;  // highest order: words that followed; below: distinct pairs of the words before and behind it
    double types = 0;  // distinct words that followed
  };
  std::vector<Word> padded(std::span<const Word> text) const;

  std::size_t order_;
  double discount_;
  std::size_t vocabulary_;
  std::vector<std::unordered_set<std::uint64_t>> met_;  // [n - 1]: all n-grams
  std::vector<std::unordered_map<std::uint64_t, double>>
      seen_;  // [n - 1]: n-gram -> count, or distinct words before it
  std::vector<std::unordered_map<std::uint64_t, Context>> contexts_;  // [n - 1]: of the n-grams
};

}  // namespace equal::bench
