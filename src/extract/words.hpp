// Words, numbers and ideograph pairs of a text: what the keep rules compare. Deliberately simpler than text/: no tables
// of properties, lower case for Latin, Greek and Cyrillic only, invalid UTF-8 reads as separators.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace equal::extract {

enum class TokenKind : std::uint8_t { word, number, ideograph };

struct Token {
  std::string
      text;  ///< lower case; numbers without thousands separators and without trailing zeros ("1,250.50" -> "1250.5")
  TokenKind kind = TokenKind::word;
  bool operator==(const Token&) const = default;
};

/// Cost: one pass. A run of Han, kana, Hangul or Thai characters gives its overlapping pairs (a single one gives
/// itself).
std::vector<Token> tokenize(std::string_view text);

/// The next code point at `at`, which moves past it; U+FFFD for one invalid byte. REQUIRES: at < text.size().
char32_t next_code_point(std::string_view text, std::size_t& at) noexcept;

/// Code points, where invalid bytes count one each.
std::size_t count_code_points(std::string_view text) noexcept;

/// An English word without its inflection ("studies" -> "study", "stopped" -> "stop"); other words lose little.
std::string stem(std::string_view word);

/// A word that carries no content (English function words and one-letter words).
bool is_stop_word(std::string_view word) noexcept;

/// ISO 639-1 code of the language, or "" when the text does not show it clearly (too short, mixed, not among those
/// known: en de fr es it pt nl by function words; zh ja ko th ru el ar he hi by script).
std::string_view language_of(std::string_view text);

}  // namespace equal::extract
