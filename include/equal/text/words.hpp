// Text -> 64-bit hashes of its words, in one pass and without an allocation per word.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace equal::text {

/// Appends the hash of every word of `text` (UTF-8) to `hashes`, in text order. Cost: one pass, about 1 ns a byte of
/// English.
///
/// A word is a maximal run of two or more letters, digits and underscores, lower-cased: the words of scikit-learn's
/// default pattern \b\w\w+\b on the lower-cased text. Two deviations from it: combining marks go on a word (Python's \w
/// ends it there, which tears Hindi apart), and lower-casing is one code point to one code point (utf8proc_tolower).
/// Scripts written without blanks (Han, kana, Thai, Lao, Khmer, Myanmar) give character n-grams instead: every
/// ideograph, every pair of neighbours, and every triple of non-ideographs.
/// Bytes that are no UTF-8 separate words; nothing is refused.
void append_word_hashes(std::string_view text, std::vector<std::uint64_t>& hashes);

/// The hash of one word. REQUIRES: lower case. Single chunks of 8 bytes are hashed by a bijection, so words of up to
/// 8 bytes never share a hash.
std::uint64_t word_hash(std::string_view word) noexcept;

}  // namespace equal::text
