// A small corpus whose documents share rare words with their pairs and common words with all others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "equal/base/random.hpp"
#include "equal/contrast/models.hpp"
#include "equal/contrast/train.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/text/words.hpp"

namespace equal::contrast::test {

inline std::string letters(std::uint64_t n) {
  std::string out;
  for (int i = 0; i < 4; ++i, n /= 26) out.push_back(static_cast<char>('a' + n % 26));
  return out;
}

struct Toy {
  std::vector<std::string> documents, pairs;  ///< two pairs a document, back to back

  explicit Toy(std::size_t n, std::size_t vocabulary = 60) {
    RandomStream random(5, "toy");
    const auto words = [&](std::size_t count, std::uint64_t first, std::uint64_t range) {
      std::string out;
      for (std::size_t i = 0; i < count; ++i) out += letters(first + random.below(range)) + " ";
      return out;
    };
    for (std::size_t d = 0; d < n; ++d) {
      const std::uint64_t topic = vocabulary + 3 * random.below(40);
      documents.push_back(words(20, 0, vocabulary) + words(4, topic, 3));
      for (int i = 0; i < 2; ++i) pairs.push_back(words(8, 0, vocabulary) + words(3, topic, 3));
    }
  }

  std::vector<Example> add_to(Trainable& model, ThreadPool& pool, std::size_t held_out_every = 4) const {
    const std::vector<std::string_view> d(documents.begin(), documents.end()), p(pairs.begin(), pairs.end());
    model.add_texts(d, encode::Role::document, pool);
    model.add_texts(p, encode::Role::query, pool);
    std::vector<Example> out(documents.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].digest = digest128(documents[i] + std::to_string(i));
      out[i].document = i;
      out[i].pairs = {documents.size() + 2 * i, documents.size() + 2 * i + 1};
      out[i].pair_keys = {2 * i, 2 * i + 1};
      out[i].held_out = held_out_every > 0 && i % held_out_every == 0;
    }
    return out;
  }
};

/// Random rows for the words of the toy.
inline encode::StaticTable toy_table(std::size_t dim = 24) {
  encode::StaticTable t;
  t.dim = dim;
  t.feature_bits = 12;
  t.origin = "toy";
  std::vector<std::uint64_t> features;
  for (std::uint64_t w = 0; w < 400; ++w) features.push_back(text::word_hash(letters(w)) >> 52);
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  RandomStream random(9, "rows");
  for (const std::uint64_t f : features) {
    t.features.push_back(static_cast<std::uint32_t>(f));
    for (std::size_t j = 0; j < dim; ++j) t.values.push_back(linalg::to_float16(static_cast<float>(random.normal())));
  }
  return t;
}

}  // namespace equal::contrast::test
