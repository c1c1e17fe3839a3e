#include "equal/store/split_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace equal::store {
namespace {

// Lengths are counted in half words.
constexpr std::uint64_t kWord = 2;
constexpr std::size_t kRunBytes = 32;

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Characters of scripts that put no blanks between words. Hangul does, so it is not among them.
constexpr bool is_dense(char32_t c) {
  return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff) ||
         (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xff66 && c <= 0xff9d) ||
         (c >= 0x20000 && c <= 0x3ffff);
}

struct Character {
  char32_t code;
  std::size_t bytes;
};

Character character_at(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<char32_t>(text[i + k] & 0x3f) : 0; };
  const auto lead = static_cast<unsigned char>(text[i]);
  const std::size_t bytes = std::min<std::size_t>(text.size() - i, lead < 0x80   ? 1
                                                                   : lead < 0xe0 ? 2
                                                                   : lead < 0xf0 ? 3
                                                                                 : 4);
  switch (bytes) {
    case 1:
      return {lead, 1};
    case 2:
      return {(lead & 0x1fu) << 6 | byte(1), 2};
    case 3:
      return {(lead & 0x0fu) << 12 | byte(1) << 6 | byte(2), 3};
    default:
      return {(lead & 0x07u) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3), 4};
  }
}

/// Walks over a text and counts.
class Counter {
 public:
  void add(Character c, bool blank) {
    if (blank) {
      run_ = 0;
    } else if (c.code >= 0x0e00 && is_dense(c.code)) {
      run_ = 0;
      half_words_ += 1;
    } else {
      if (run_ == 0) half_words_ += kWord;
      run_ += c.bytes;
      if (run_ >= kRunBytes) run_ = 0;
    }
  }
  std::uint64_t half_words() const { return half_words_; }

 private:
  std::uint64_t half_words_ = 0;
  std::size_t run_ = 0;
};

/// Whether a byte is an ASCII character other than a blank.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0; c < 0x80; ++c) out[c] = !is_blank(static_cast<char>(c));
  return out;
}();

#if defined(__SSE2__)
/// Bits of the 64 bytes at `p`: which are blanks, which are beyond ASCII.
struct BlockMasks {
  std::uint64_t blank = 0, beyond = 0;
};
BlockMasks classify_block(const char* p) {
  BlockMasks out;
  for (std::size_t i = 0; i < 4; ++i) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
    // '\t' to '\r' are the values that x - '\t' takes in [0, 5), unsigned.
    const __m128i control =
        _mm_cmpeq_epi8(_mm_subs_epu8(_mm_sub_epi8(x, _mm_set1_epi8('\t')), _mm_set1_epi8(4)), _mm_setzero_si128());
    const __m128i blank = _mm_or_si128(control, _mm_cmpeq_epi8(x, _mm_set1_epi8(' ')));
    out.blank |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(blank))) << (16 * i);
    out.beyond |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(x))) << (16 * i);
  }
  return out;
}

/// Counts the runs of the 64 bytes at `p`, where one may begin, that end there with a blank, and returns the bytes up
/// to and with the last such blank. Stops before a character beyond ASCII; 0 where nothing can be counted so, or a run
/// may count twice.
std::size_t count_block(const char* p, std::uint64_t& runs) {
  const BlockMasks block = classify_block(p);
  // Bits below the first character beyond ASCII, then up to the last blank among them.
  std::uint64_t taken = block.beyond == 0 ? ~std::uint64_t{0} : (block.beyond & (~block.beyond + 1)) - 1;
  const std::uint64_t blanks = block.blank & taken;
  if (blanks == 0) return 0;
  const int last = 63 - std::countl_zero(blanks);
  taken = ~std::uint64_t{0} >> (63 - last);
  const std::uint64_t plain = ~block.blank & taken;
  std::uint64_t long_runs = plain;  // a bit stays where a run of kRunBytes begins
  for (const int shift : {1, 2, 4, 8, 16}) long_runs &= long_runs >> shift;
  if (long_runs != 0) return 0;
  runs += static_cast<std::uint64_t>(std::popcount(plain & ~(plain << 1)));
  return static_cast<std::size_t>(last) + 1;
}
#endif

/// As Counter, but plain characters, most of most texts, are taken many at a time.
std::uint64_t count_half_words(std::string_view text) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::uint64_t plain = 0;
  Counter counter;
  for (std::size_t i = 0; i < text.size();) {
#if defined(__SSE2__)
    if (text.size() - i >= 64) {
      std::uint64_t runs = 0;
      if (const std::size_t taken = count_block(text.data() + i, runs); taken > 0) {
        plain += kWord * runs;
        i += taken;
        continue;
      }
    }
#endif
    if (is_blank(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && kPlain[bytes[end]]) ++end;
    if (end == text.size() || bytes[end] < 0x80) {
      plain += kWord * ((end - i + kRunBytes - 1) / kRunBytes);
      i = end;
      continue;
    }
    while (i < text.size() && !is_blank(text[i])) {
      const Character c = character_at(text, i);
      counter.add(c, false);
      i += c.bytes;
    }
    counter.add({U' ', 1}, true);
  }
  return plain + counter.half_words();
}

TextPiece trimmed(std::string_view text, std::size_t begin, std::size_t end) {
  while (begin < end && is_blank(text[begin])) ++begin;
  while (end > begin && is_blank(text[end - 1])) --end;
  return {begin, end - begin};
}

enum Kind : std::size_t { paragraph, sentence, word, character, kinds };

/// What kind of place byte `i` is to start a new piece at. REQUIRES: 0 < i, a character starts there and is no blank.
Kind kind_of_place(std::string_view text, std::size_t i) {
  std::size_t blanks = i, breaks = 0;
  while (blanks > 0 && is_blank(text[blanks - 1])) breaks += text[--blanks] == '\n';
  if (breaks >= 2) return paragraph;
  if (breaks == 1) return sentence;
  const std::string_view before = text.substr(0, blanks);
  if (blanks < i) {
    const char last = before.empty() ? '\0' : before.back();
    return last == '.' || last == '!' || last == '?' ? sentence : word;
  }
  for (const std::string_view stop : {"。", "！", "？"}) {
    if (before.size() >= stop.size() && before.substr(before.size() - stop.size()) == stop) return sentence;
  }
  return character;
}

/// Where to end the piece that starts at `begin`: after at most `most` half words, near `even`.
std::size_t find_cut(std::string_view text, std::size_t begin, std::uint64_t most, std::uint64_t even) {
  std::array<std::size_t, kinds> best{};
  std::array<std::uint64_t, kinds> distance{};
  distance.fill(~std::uint64_t{0});
  Counter counter;
  for (std::size_t i = begin; i < text.size();) {
    const Character c = character_at(text, i);
    const bool blank = is_blank(text[i]);
    const std::uint64_t so_far = counter.half_words();
    if (!blank && i > begin && 2 * so_far >= even) {
      const Kind kind = kind_of_place(text, i);
      const std::uint64_t off = so_far > even ? so_far - even : even - so_far;
      if (off <= distance[kind]) distance[kind] = off, best[kind] = i;
    }
    counter.add(c, blank);
    if (counter.half_words() > most) break;
    i += c.bytes;
  }
  for (const std::size_t cut : best) {
    if (cut > begin) return cut;
  }
  // `most` below one character: go on by single characters rather than not at all.
  return begin + character_at(text, begin).bytes;
}

}  // namespace

std::uint64_t count_words(std::string_view text) noexcept { return (count_half_words(text) + kWord - 1) / kWord; }

std::vector<TextPiece> split_text(std::string_view text, std::uint64_t max_words) {
  const TextPiece whole = trimmed(text, 0, text.size());
  if (whole.size == 0) return {};
  // A word takes at least two bytes with its blank, a dense character (half a word) three.
  if (max_words == 0 || whole.size / 2 < max_words) return {whole};
  const std::uint64_t most = std::min<std::uint64_t>(max_words, ~std::uint64_t{0} / kWord) * kWord;
  std::vector<TextPiece> pieces;
  std::size_t begin = whole.offset;
  const std::size_t end = whole.offset + whole.size;
  text = text.substr(0, end);
  std::uint64_t left = count_half_words(text.substr(begin));
  if (left <= most) return {whole};
  while (begin < end) {
    // A run that was cut in its middle counts anew on the other side, so `left` may be a little short: near the end it
    // is counted again.
    if (left <= most) left = count_half_words(text.substr(begin));
    if (left <= most) {
      pieces.push_back(trimmed(text, begin, end));
      break;
    }
    const std::uint64_t parts = (left + most - 1) / most;
    const std::size_t cut = find_cut(text, begin, most, left / parts);
    pieces.push_back(trimmed(text, begin, cut));
    left -= std::min(left, count_half_words(text.substr(begin, cut - begin)));
    begin = cut;
  }
  return pieces;
}

}  // namespace equal::store
