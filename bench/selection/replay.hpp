// What a replay needs to know about a corpus whose pairs are known. Filled from the bench's cache here; a workspace can
// fill the same struct.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "equal/linalg/matrix.hpp"

#include "ngram.hpp"

namespace equal::bench {

/// A corpus in the vectors of the encoder that selects.
struct ReplayCorpus {
  linalg::Matrix<float> documents;  // (n, dim) unit
  std::vector<float> tokens;        // (n)
  std::vector<std::uint32_t> arm;   // (n)
  std::size_t arms = 0;
  linalg::Matrix<float> pairs;          // (p, dim) unit, in document order
  std::vector<std::size_t> first_pair;  // (n + 1): pairs of document i are [first_pair[i], first_pair[i + 1])
  std::vector<std::size_t> pair_id;     // (p): place among all pairs of the bench's cache
  std::vector<std::uint32_t> domain;    // (n), labels for judging only

  linalg::MatrixView<const float> pairs_of(std::size_t document) const {
    return pairs.view().slice(first_pair[document], first_pair[document + 1] - first_pair[document]);
  }
};

/// A target task. Only `reference` is seen by a policy; the rest judges, in the vectors of a fixed outside encoder.
struct ReplayTarget {
  std::string name;
  linalg::Matrix<float> reference;     // (r, dim) in the selecting encoder
  linalg::Matrix<float> judge_tests;   // (t, judge dim)
  std::vector<std::uint32_t> domains;  // labels of the documents that hold what it needs; for judging
  std::vector<float> nearest_test;     // (p): cosine of each pair to its nearest test item
  std::vector<float> nearest_beside;   // (p): the same for a second test set that asks for the same; empty: none
};

/// Texts as word ids, for the n-gram judge.
struct WordTexts {
  std::vector<Word> words;
  std::vector<std::size_t> first;  // (texts + 1)
  std::size_t size() const { return first.size() - 1; }
  std::span<const Word> text(std::size_t i) const {
    return std::span(words).subspan(first[i], first[i + 1] - first[i]);
  }
};
struct LanguageJudge {
  std::size_t vocabulary = 0;
  WordTexts pairs, tests;
};

}  // namespace equal::bench
