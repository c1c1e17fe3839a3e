// Cuts long documents into pieces that an encoder and an LLM can take.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace equal::store {

/// A part of a text, in bytes, without blanks at its ends.
struct TextPiece {
  std::uint64_t offset = 0, size = 0;
  bool operator==(const TextPiece&) const = default;
};

/// Words as we count them for lengths: runs of non-blanks, a run counting once per 32 bytes begun; in scripts without
/// blanks between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) two characters are one word. Rounded up. Cost:
/// one pass.
std::uint64_t count_words(std::string_view text) noexcept;

/// Pieces of at most `max_words` words that cover all of `text` but blanks. A text that fits is one piece. A longer one
/// is cut where a paragraph ends (empty line), else where a sentence or line ends, else between words, else between
/// characters; among the places of the best kind, the one that makes the pieces most even. max_words == 0: never cut. A
/// blank text gives no piece. REQUIRES: well-formed UTF-8. Cost: linear.
std::vector<TextPiece> split_text(std::string_view text, std::uint64_t max_words);

}  // namespace equal::store
