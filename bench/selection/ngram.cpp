#include "ngram.hpp"

#include <algorithm>
#include <cmath>

#include "equal/base/random.hpp"

namespace equal::bench {
namespace {

// n-grams are known by 64-bit hashes: among 10^7 of them a collision has a chance of 3 in a million.
std::uint64_t key_of(std::span<const Word> words) {
  std::uint64_t key = words.size();
  for (const Word w : words) key = mix64(key + 0x9e3779b97f4a7c15ULL + static_cast<std::uint32_t>(w));
  return key;
}

}  // namespace

KneserNey::KneserNey(std::size_t order, double discount, std::size_t vocabulary)
    : order_(order), discount_(discount), vocabulary_(vocabulary), met_(order), seen_(order), contexts_(order) {}

std::vector<Word> KneserNey::padded(std::span<const Word> text) const {
  std::vector<Word> out(order_ - 1, kTextBegins);
  out.insert(out.end(), text.begin(), text.end());
  out.push_back(kTextEnds);
  return out;
}

void KneserNey::add(std::span<const Word> text) {
  const std::vector<Word> words = padded(text);
  for (std::size_t n = 1; n <= order_; ++n) {
    for (std::size_t i = 0; i + n <= words.size(); ++i) {
      const std::span<const Word> gram = std::span(words).subspan(i, n);
      const bool is_new = met_[n - 1].insert(key_of(gram)).second;
      if (n == order_) {
        seen_[n - 1][key_of(gram)] += 1;
        contexts_[n - 1][key_of(gram.first(n - 1))].count += 1;
      }
      if (!is_new) continue;
      contexts_[n - 1][key_of(gram.first(n - 1))].types += 1;
      if (n == 1) continue;
      seen_[n - 2][key_of(gram.last(n - 1))] += 1;
      contexts_[n - 2][key_of(gram.subspan(1, n - 2))].count += 1;
    }
  }
}

double KneserNey::probability(std::span<const Word> context, Word word) const {
  std::vector<Word> gram(context.end() - static_cast<std::ptrdiff_t>(order_ - 1), context.end());
  gram.push_back(word);
  double p = vocabulary_ > 0 ? 1.0 / static_cast<double>(vocabulary_) : 0.0;
  for (std::size_t n = 1; n <= order_; ++n) {
    const std::span<const Word> tail = std::span<const Word>(gram).last(n);
    const auto found = contexts_[n - 1].find(key_of(tail.first(n - 1)));
    if (found == contexts_[n - 1].end() || found->second.count == 0) continue;
    const auto seen = seen_[n - 1].find(key_of(tail));
    const double count = seen == seen_[n - 1].end() ? 0.0 : seen->second;
    const double discount = n == 1 && vocabulary_ == 0 ? 0.0 : discount_;
    p = (std::max(count - discount, 0.0) + discount * found->second.types * p) / found->second.count;
  }
  return p;
}

double KneserNey::cross_entropy(const std::vector<std::span<const Word>>& texts) const {
  double bits = 0;
  std::size_t n = 0;
  for (const auto text : texts) {
    const std::vector<Word> words = padded(text);
    for (std::size_t i = order_ - 1; i < words.size(); ++i, ++n)
      bits -= std::log2(probability(std::span(words).subspan(i + 1 - order_, order_ - 1), words[i]));
  }
  return n == 0 ? 0.0 : bits / static_cast<double>(n);
}

}  // namespace equal::bench
