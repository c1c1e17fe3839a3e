// An n-gram language model, the small downstream model that judges a selection: interpolated Kneser-Ney with one
// discount (Kneser and Ney 1995; Chen and Goodman 1999, section 2.7). bench/selection/check_ngram.py compares it with
// NLTK's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  struct Counts {
    bool met = false;         // this n-gram stands in the texts
    std::uint32_t seen = 0;   // highest order: how often; below: distinct words before it
    std::uint32_t count = 0;  // as a context, highest order: words that followed; below: distinct pairs of the words
                              // before and behind it
    std::uint32_t types = 0;  // as a context: distinct words that followed
  };
  /// n-gram -> counts, open addressing; the key 0 is an empty place.
  class Table {
   public:
    Counts& operator[](std::uint64_t key);
    const Counts* find(std::uint64_t key) const;

   private:
    struct Entry {
      std::uint64_t key = 0;
      Counts counts;
    };
    std::size_t place_of(std::uint64_t key) const;
    std::vector<Entry> entries_ = std::vector<Entry>(1024);
    std::size_t used_ = 0;
  };
  std::vector<Word> padded(std::span<const Word> text) const;

  std::size_t order_;
  double discount_;
  std::size_t vocabulary_;
  Table table_;  // n-grams of all lengths from 0
};

}  // namespace equal::bench
