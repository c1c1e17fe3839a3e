// A small corpus with known topics, for encoders and clusters: the words of a topic occur in its documents only, beside
// words that all share.
#pragma once

#include <string>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/random.hpp"

namespace equal::test {

struct TopicCorpus {
  std::vector<std::string> texts;
  std::vector<Digest128> digests;
  std::vector<int> topics;
};

inline TopicCorpus make_topics(std::size_t documents, int topics, std::uint64_t seed) {
  TopicCorpus out;
  for (std::size_t i = 0; i < documents; ++i) {
    const Digest128 digest = digest128("document " + std::to_string(i));
    RandomStream r(seed, "topics", digest);
    const int topic = static_cast<int>(r.below(static_cast<std::uint64_t>(topics)));
    std::string text;
    for (std::uint64_t words = 20 + r.below(60); words > 0; --words) {
      const bool shared = r.below(2) == 0;
      // The square of a uniform number: some words are frequent, most are rare.
      const auto word = static_cast<int>(r.uniform() * r.uniform() * 80);
      text += (shared ? "common" : "topic" + std::to_string(topic) + "word") + std::to_string(word) + " ";
    }
    out.texts.push_back(text);
    out.digests.push_back(digest);
    out.topics.push_back(topic);
  }
  return out;
}

}  // namespace equal::test
