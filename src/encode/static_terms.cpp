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
  terms_.clear();
  occurrences_ = features.size();
  (void)narrow<std::uint32_t>(features.size(), "the words of a text");
  const std::size_t capacity = std::max<std::size_t>(64, std::bit_ceil(2 * features.size()));
  slots_.assign(capacity, 0);
  for (const std::uint64_t hash : features) {
    const std::uint64_t feature = hash >> shift;
    std::size_t slot = feature & (capacity - 1);
    while (slots_[slot] != 0 && terms_[slots_[slot] - 1].feature != feature) slot = (slot + 1) & (capacity - 1);
    if (slots_[slot] == 0) {
      terms_.push_back({feature, 0});
      slots_[slot] = static_cast<std::uint32_t>(terms_.size());
    }
    ++terms_[slots_[slot] - 1].count;
  }
  return terms_;
}

}  // namespace equal::encode
