#include "ngram.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "equal/base/random.hpp"

namespace equal::bench {
namespace {

// n-grams are known by 64-bit hashes, word after word: among 10^7 of them a collision has a chance of 3 in a million.
constexpr std::uint64_t kNoWords = 1;
constexpr std::size_t kMostOrder = 5;

std::uint64_t with(std::uint64_t key, Word next) {
  return mix64(key + 0x9e3779b97f4a7c15ULL + static_cast<std::uint32_t>(next));
}

}  // namespace

std::size_t KneserNey::Table::place_of(std::uint64_t key) const {
  const std::size_t mask = entries_.size() - 1;
  std::size_t at = key & mask;
  while (entries_[at].key != key && entries_[at].key != 0) at = (at + 1) & mask;
  return at;
}

KneserNey::Counts& KneserNey::Table::operator[](std::uint64_t key) {
  std::size_t at = place_of(key);
  if (entries_[at].key == 0) {
    if (2 * ++used_ > entries_.size()) {
      std::vector<Entry> old(2 * entries_.size());
      std::swap(old, entries_);
      for (const Entry& e : old) {
        if (e.key != 0) entries_[place_of(e.key)] = e;
      }
      at = place_of(key);
    }
    entries_[at].key = key;
  }
  return entries_[at].counts;
}

const KneserNey::Counts* KneserNey::Table::find(std::uint64_t key) const {
  const Entry& e = entries_[place_of(key)];
  return e.key == 0 ? nullptr : &e.counts;
}

KneserNey::KneserNey(std::size_t order, double discount, std::size_t vocabulary)
    : order_(order), discount_(discount), vocabulary_(vocabulary) {}

std::vector<Word> KneserNey::padded(std::span<const Word> text) const {
  std::vector<Word> out(order_ - 1, kTextBegins);
  out.insert(out.end(), text.begin(), text.end());
  out.push_back(kTextEnds);
  return out;
}

void KneserNey::add(std::span<const Word> text) {
  const std::vector<Word> words = padded(text);
  // keys[i][n]: of the n words from the i-th on.
  std::vector<std::array<std::uint64_t, kMostOrder + 1>> keys(words.size() + 1);
  for (std::size_t i = 0; i <= words.size(); ++i) {
    keys[i][0] = kNoWords;
    for (std::size_t n = 1; n <= order_ && i + n <= words.size(); ++n)
      keys[i][n] = with(keys[i][n - 1], words[i + n - 1]);
  }
  for (std::size_t n = 1; n <= order_; ++n) {
    for (std::size_t i = 0; i + n <= words.size(); ++i) {
      Counts& gram = table_[keys[i][n]];
      const bool is_new = !std::exchange(gram.met, true);
      if (n == order_) {
        ++gram.seen;
        ++table_[keys[i][n - 1]].count;
      }
      if (!is_new) continue;
      ++table_[keys[i][n - 1]].types;
      if (n == 1) continue;
      ++table_[keys[i + 1][n - 1]].seen;
      ++table_[keys[i + 1][n - 2]].count;
    }
  }
}

double KneserNey::probability(std::span<const Word> context, Word word) const {
  double p = vocabulary_ > 0 ? 1.0 / static_cast<double>(vocabulary_) : 0.0;
  for (std::size_t n = 1; n <= order_; ++n) {
    std::uint64_t key = kNoWords;
    for (const Word w : context.last(n - 1)) key = with(key, w);
    const Counts* const before = table_.find(key);
    if (before == nullptr || before->count == 0) continue;
    const Counts* const gram = table_.find(with(key, word));
    const double seen = gram == nullptr ? 0.0 : gram->seen;
    const double discount = n == 1 && vocabulary_ == 0 ? 0.0 : discount_;
    p = (std::max(seen - discount, 0.0) + discount * before->types * p) / before->count;
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
