#include "equal/text/words.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <utf8proc.h>

#include "word_kinds.hpp"

namespace equal::text {
namespace {

static_assert(std::endian::native == std::endian::little, "hashes are defined over little-endian chunks");

constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15ULL;
constexpr std::uint64_t kCaseBits = 0x2020202020202020ULL;

/// The finaliser of SplitMix64, as base/random.hpp's mix64, inlined for the inner loop.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Setting bit 0x20 lower-cases the ASCII word characters eight at a time: letters become small, digits stay, '_'
// becomes 0x7f, which is no word character. The byte-wise form below spells '_' likewise, so that both hash alike.
constexpr unsigned char kUnderscore = 0x7f;

enum : unsigned char { kSeparator, kWord, kNotAscii };

constexpr std::array<unsigned char, 256> kWordClass = [] {
  std::array<unsigned char, 256> out{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    out[c] = c >= 128 ? kNotAscii : (letter || digit || c == '_') ? kWord : kSeparator;
  }
  return out;
}();

unsigned char class_of(const char* p) { return kWordClass[static_cast<unsigned char>(*p)]; }

/// Hashes bytes in chunks of eight. A chunk is never zero, so no length is needed to tell "a" from "a\0".
class ByteHasher {
 public:
  void push(unsigned char byte) {
    chunk_ |= static_cast<std::uint64_t>(byte) << (8 * filled_);
    if (++filled_ == 8) absorb();
  }
  void push_code_point(utf8proc_int32_t c) {
    unsigned char bytes[4];
    const auto n = utf8proc_encode_char(c, bytes);
    for (utf8proc_ssize_t i = 0; i < n; ++i) push(bytes[i]);
  }
  std::uint64_t finish() {
    if (filled_ != 0) absorb();
    return state_;
  }

 private:
  void absorb() {
    state_ = mix(state_ ^ chunk_);
    chunk_ = 0;
    filled_ = 0;
  }
  std::uint64_t state_ = kSeed, chunk_ = 0;
  unsigned filled_ = 0;
};

#if defined(__SSE2__)
/// Bits of the 64 bytes at `p`: which are ASCII word characters, which are beyond ASCII.
struct BlockMasks {
  std::uint64_t word = 0, beyond = 0;
};
BlockMasks classify_block(const char* p) {
  // x is in [low, low + width) iff (x - low) saturated-minus (width - 1) is zero, all unsigned bytes.
  const auto in_range = [](__m128i x, char low, char width) {
    const __m128i offset = _mm_sub_epi8(x, _mm_set1_epi8(low));
    return _mm_cmpeq_epi8(_mm_subs_epu8(offset, _mm_set1_epi8(static_cast<char>(width - 1))), _mm_setzero_si128());
  };
  BlockMasks out;
  for (std::size_t i = 0; i < 4; ++i) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
    const __m128i letter = in_range(_mm_or_si128(x, _mm_set1_epi8(0x20)), 'a', 26);
    const __m128i digit = in_range(x, '0', 10);
    const __m128i underscore = _mm_cmpeq_epi8(x, _mm_set1_epi8('_'));
    const __m128i word = _mm_or_si128(letter, _mm_or_si128(digit, underscore));
    out.word |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(word))) << (16 * i);
    out.beyond |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(x))) << (16 * i);
  }
  return out;
}
#endif

/// Hash of the ASCII word [first, last); may read up to `end`.
std::uint64_t ascii_hash(const char* first, const char* last, const char* end) {
  std::uint64_t state = kSeed;
  for (; first < last; first += 8) {
    const auto left = static_cast<std::size_t>(last - first);
    std::uint64_t chunk = 0;
    if (end - first >= 8) {
      std::memcpy(&chunk, first, 8);
    } else {
      std::memcpy(&chunk, first, static_cast<std::size_t>(end - first));
    }
    chunk |= kCaseBits;
    if (left < 8) chunk &= (std::uint64_t{1} << (8 * left)) - 1;
    state = mix(state ^ chunk);
  }
  return state;
}

/// The word that begins at `p`, code point by code point; returns where it ends.
const char* unicode_word(const char* p, const char* end, std::vector<std::uint64_t>& hashes) {
  ByteHasher hasher;
  std::size_t letters = 0;
  while (p < end) {
    const CodePoint c = read_code_point(p, end);
    const Kind kind = kind_of(c.value);
    if (kind != Kind::word && kind != Kind::mark) break;
    if (c.value == '_') {
      hasher.push(kUnderscore);
    } else {
      hasher.push_code_point(c.value);
    }
    ++letters;
    p += c.bytes;
  }
  if (letters >= 2) hashes.push_back(hasher.finish());
  return p;
}

/// The run without blanks that begins at `p`; returns where it ends.
const char* unsegmented_run(const char* p, const char* end, std::vector<std::uint64_t>& hashes) {
  struct {
    utf8proc_int32_t value = 0;
    bool ideograph = false, present = false;
  } before, before2;
  while (p < end) {
    const CodePoint c = read_code_point(p, end);
    const Kind kind = kind_of(c.value);
    if (kind != Kind::ideograph && kind != Kind::phonetic) break;
    const bool ideograph = kind == Kind::ideograph;
    if (ideograph) {
      ByteHasher one;
      one.push_code_point(c.value);
      hashes.push_back(one.finish());
    }
    if (before.present) {
      ByteHasher two;
      two.push_code_point(before.value);
      two.push_code_point(c.value);
      hashes.push_back(two.finish());
    }
    if (before2.present && !ideograph && !before.ideograph && !before2.ideograph) {
      ByteHasher three;
      three.push_code_point(before2.value);
      three.push_code_point(before.value);
      three.push_code_point(c.value);
      hashes.push_back(three.finish());
    }
    before2 = before;
    before = {c.value, ideograph, true};
    p += c.bytes;
  }
  return p;
}

/// Whole blocks of 64 ASCII bytes from `p` on, where a word may begin; returns where the slower way must go on, again
/// where a word may begin.
const char* ascii_blocks(const char* p, const char* end, std::vector<std::uint64_t>& hashes) {
#if defined(__SSE2__)
  const char* first = nullptr;  // of the word under way
  for (; end - p >= 64; p += 64) {
    const BlockMasks block = classify_block(p);
    if (block.beyond != 0) break;
    // A set bit where the class differs from that of the byte before: words begin and end in turn.
    std::uint64_t changes = block.word ^ ((block.word << 1) | (first != nullptr ? 1U : 0U));
    for (; changes != 0; changes &= changes - 1) {
      const char* const at = p + std::countr_zero(changes);
      if (first == nullptr) {
        first = at;
        continue;
      }
      if (at - first >= 2) hashes.push_back(ascii_hash(first, at, end));
      first = nullptr;
    }
  }
  return first != nullptr ? first : p;
#else
  (void)end;
  (void)hashes;
  return p;
#endif
}

}  // namespace

void append_word_hashes(std::string_view text, std::vector<std::uint64_t>& hashes) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const char* blocks_from = p;  // a block that stopped the fast way is crossed by the slow one
  while (p < end) {
    if (p >= blocks_from) {
      p = ascii_blocks(p, end, hashes);
      blocks_from = p + 64;
      continue;
    }
    const unsigned char c = class_of(p);
    if (c == kSeparator) {
      ++p;
      continue;
    }
    if (c == kWord) {
      const char* last = p + 1;
      while (last < end && class_of(last) == kWord) ++last;
      if (last == end || class_of(last) == kSeparator) {
        if (last - p >= 2) hashes.push_back(ascii_hash(p, last, end));
        p = last;
        continue;
      }
    }
    const CodePoint first = read_code_point(p, end);
    switch (kind_of(first.value)) {
      case Kind::word:
        p = unicode_word(p, end, hashes);
        break;
      case Kind::ideograph:
      case Kind::phonetic:
        p = unsegmented_run(p, end, hashes);
        break;
      case Kind::mark:  // a mark without a letter before it
      case Kind::separator:
        p += first.bytes;
        break;
    }
  }
}

std::uint64_t word_hash(std::string_view word) noexcept {
  ByteHasher hasher;
  for (const char c : word) hasher.push(c == '_' ? kUnderscore : static_cast<unsigned char>(c));
  return hasher.finish();
}

}  // namespace equal::text
