// Text -> 64-bit hashes of everything that carries meaning in it: words of any length, numbers and, on request, the
// signs of arithmetic. For comparing texts; append_word_hashes() (words.hpp) is for weighting them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace equal::text {

enum class Signs {
  skip,  ///< punctuation only parts tokens: "well-known" = "well known"
  keep   ///< + * / = < > ^ and a minus that does not follow a letter are tokens: "x + 1" is not "x - 1"
};

/// Appends one hash a token of `text` (UTF-8), in text order. A token is a maximal run of letters, digits, underscores
/// and combining marks, lower-cased, apostrophes left out ("don't" = "dont"); of a script written without blanks (Han,
/// kana, Thai, Lao, Khmer, Myanmar) each character is one. Returns a hash of the multiset of tokens that hold an ASCII
/// digit, 0 without any: equal for texts that state the same numbers in any order. Bytes that are no UTF-8 part tokens.
/// Cost: one pass, about 2 ns a byte of English.
std::uint64_t append_tokens(std::string_view text, Signs signs, std::vector<std::uint64_t>& tokens);

}  // namespace equal::text
