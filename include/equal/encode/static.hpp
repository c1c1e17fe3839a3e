// Static encoders: a text is the weighted mean of one vector per word. Cost: a memory stream, no matrix product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "equal/encode/encoder.hpp"

namespace equal::encode {

struct StaticParams {
  std::size_t dim = 256;   ///< length of a vector; 1 .. 4096
  std::uint64_t seed = 0;  ///< of the random rows
};

/// `hash`: the row of a word is dim random signs made from its 64-bit hash, its weight 1 + ln(occurrences); no table,
/// no fit. A random projection of the bag of words (Achlioptas 2003): inner products are kept to about 1/sqrt(dim),
/// stop words count in full. A baseline that needs nothing; `lsa` (lsa.hpp) is better wherever a corpus is at hand.
/// Both roles encode alike. The vectors depend on the text alone: not on the other texts, the CPU or the threads.
/// Throws UsageError when dim is out of range.
std::unique_ptr<Encoder> make_static_hash(const StaticParams& params = {});

}  // namespace equal::encode
