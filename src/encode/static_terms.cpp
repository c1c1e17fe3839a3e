#include "static_terms.hpp"

#include <algorithm>
#include <bit>

#include "equal/base/checked.hpp"
#include "equal/text/words.hpp"

namespace equal::encode {

std::span<const Term> TermCounter::count(std::string_view text, unsigned shift) {
  hashes_.clear();
  text::append_word_hashes(text, hashes_);
  return count(hashes_, shift);
}

std::span<const Term> TermCounter::count(std::span<const std::uint64_t> features, unsigned shift) {
  const std::size_t words = features.size();
  (void)narrow<std::uint32_t>(words, "the words of a text");
  const std::size_t capacity = std::max<std::size_t>(64, std::bit_ceil(3 * words));
  slots_.assign(capacity, 0);
  terms_.assign(words + 1, Term{});
  std::uint32_t distinct = 0;
  for (const std::uint64_t hash : features) {
    const std::uint64_t feature = hash >> shift;
    std::size_t slot = feature & (capacity - 1);
    while (slots_[slot] != 0 && terms_[slots_[slot] - 1].feature != feature) slot = (slot + 1) & (capacity - 1);
    // Whether a word is new is a coin toss to the branch predictor: decide without a branch.
    const std::uint32_t known = slots_[slot];
    const std::uint32_t term = known != 0 ? known - 1 : distinct;
    distinct += known == 0 ? 1 : 0;
    slots_[slot] = term + 1;
    terms_[term].feature = feature;
    ++terms_[term].count;
  }
  return {terms_.data(), distinct};
}

}  // namespace equal::encode
