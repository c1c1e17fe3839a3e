// What a code point is to words.cpp and tokens.cpp.
#pragma once

#include <utf8proc.h>

namespace equal::text {

enum class Kind { separator, word, mark, ideograph, phonetic };

inline bool between(utf8proc_int32_t c, utf8proc_int32_t low, utf8proc_int32_t high) { return c >= low && c <= high; }

/// `word` and `mark` make words; `ideograph` and `phonetic` belong to scripts without blanks.
inline Kind kind_of(utf8proc_int32_t c) {
  if (c == '_') return Kind::word;
  const utf8proc_category_t category = utf8proc_category(c);
  const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
  const bool mark = category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
  const bool number = category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
  if (letter || mark) {
    if (between(c, 0x3400, 0x4dbf) || between(c, 0x4e00, 0x9fff) || between(c, 0xf900, 0xfaff) ||
        between(c, 0x20000, 0x3ffff) || c == 0x3005) {
      return Kind::ideograph;
    }
    if (between(c, 0x3040, 0x30ff) || between(c, 0x31f0, 0x31ff) || between(c, 0xff66, 0xff9f) ||  // kana
        between(c, 0x0e00, 0x0eff) ||                                                              // Thai, Lao
        between(c, 0x1000, 0x109f) || between(c, 0xa9e0, 0xa9ff) || between(c, 0xaa60, 0xaa7f) ||  // Myanmar
        between(c, 0x1780, 0x17ff)) {                                                              // Khmer
      return Kind::phonetic;
    }
  }
  if (letter || number) return Kind::word;
  return mark ? Kind::mark : Kind::separator;
}

/// One code point at `p`, lower-cased; U+FFFD of one byte for what is no UTF-8. REQUIRES: p < end.
struct CodePoint {
  utf8proc_int32_t value;
  utf8proc_ssize_t bytes;
};
inline CodePoint read_code_point(const char* p, const char* end) {
  utf8proc_int32_t c = 0;
  const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(p), end - p, &c);
  if (n <= 0) return {0xfffd, 1};
  return {utf8proc_tolower(c), n};
}

}  // namespace equal::text
