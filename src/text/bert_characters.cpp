#include "equal/text/bert_characters.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <utf8proc.h>

namespace equal::text {
namespace {

struct Range {
  char32_t first, last;
};

// Where `tokenizers` differs from utf8proc 2.8 (Unicode 15): code points that were assigned, or got their category,
// after Unicode 8 (categories) or 9 (decomposition and combining class). Found by asking it about every code point.
// Dropped as a format character by utf8proc's category, kept by `tokenizers`:
constexpr Range kNotFormat[] = {
    {0x890, 0x891},
    {0x8e2, 0x8e2},
    {0x110cd, 0x110cd},
    {0x13430, 0x1343f},
};
// Non-spacing marks that stay:
constexpr Range kNotMark[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8e1},     {0x9fe, 0x9fe},     {0xafa, 0xaff},
    {0xb55, 0xb55},     {0xc04, 0xc04},     {0xc3c, 0xc3c},     {0xd00, 0xd00},     {0xd3b, 0xd3c},
    {0xd81, 0xd81},     {0xeba, 0xeba},     {0xece, 0xece},     {0x180f, 0x180f},   {0x1885, 0x1886},
    {0x1abf, 0x1ace},   {0x1df6, 0x1dfb},   {0xa82c, 0xa82c},   {0xa8c5, 0xa8c5},   {0xa8ff, 0xa8ff},
    {0xa9bd, 0xa9bd},   {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50},
    {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x11073, 0x11074}, {0x110c2, 0x110c2}, {0x111c9, 0x111c9},
    {0x111cf, 0x111cf}, {0x1123e, 0x1123e}, {0x11241, 0x11241}, {0x1133b, 0x1133b}, {0x11438, 0x1143f},
    {0x11442, 0x11444}, {0x11446, 0x11446}, {0x1145e, 0x1145e}, {0x1182f, 0x11837}, {0x11839, 0x1183a},
    {0x1193b, 0x1193c}, {0x1193e, 0x1193e}, {0x11943, 0x11943}, {0x119d4, 0x119d7}, {0x119da, 0x119db},
    {0x119e0, 0x119e0}, {0x11a01, 0x11a0a}, {0x11a33, 0x11a38}, {0x11a3b, 0x11a3e}, {0x11a47, 0x11a47},
    {0x11a51, 0x11a56}, {0x11a59, 0x11a5b}, {0x11a8a, 0x11a96}, {0x11a98, 0x11a99}, {0x11c30, 0x11c36},
    {0x11c38, 0x11c3d}, {0x11c3f, 0x11c3f}, {0x11c92, 0x11ca7}, {0x11caa, 0x11cb0}, {0x11cb2, 0x11cb3},
    {0x11cb5, 0x11cb6}, {0x11d31, 0x11d36}, {0x11d3a, 0x11d3a}, {0x11d3c, 0x11d3d}, {0x11d3f, 0x11d45},
    {0x11d47, 0x11d47}, {0x11d90, 0x11d91}, {0x11d95, 0x11d95}, {0x11d97, 0x11d97}, {0x11ef3, 0x11ef4},
    {0x11f00, 0x11f01}, {0x11f36, 0x11f3a}, {0x11f40, 0x11f40}, {0x11f42, 0x11f42}, {0x13440, 0x13440},
    {0x13447, 0x13455}, {0x16f4f, 0x16f4f}, {0x16fe4, 0x16fe4}, {0x1cf00, 0x1cf2d}, {0x1cf30, 0x1cf46},
    {0x1e000, 0x1e006}, {0x1e008, 0x1e018}, {0x1e01b, 0x1e021}, {0x1e023, 0x1e024}, {0x1e026, 0x1e02a},
    {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef},
    {0x1e944, 0x1e94a},
};
// Punctuation that counts as a letter:
constexpr Range kNotPunctuation[] = {
    {0x61d, 0x61d},     {0x9fd, 0x9fd},     {0xa76, 0xa76},     {0xc77, 0xc77},     {0xc84, 0xc84},
    {0x1b7d, 0x1b7e},   {0x2e43, 0x2e4f},   {0x2e52, 0x2e5d},   {0x10ead, 0x10ead}, {0x10f55, 0x10f59},
    {0x10f86, 0x10f89}, {0x1144b, 0x1144f}, {0x1145a, 0x1145b}, {0x1145d, 0x1145d}, {0x11660, 0x1166c},
    {0x116b9, 0x116b9}, {0x1183b, 0x1183b}, {0x11944, 0x11946}, {0x119e2, 0x119e2}, {0x11a3f, 0x11a46},
    {0x11a9a, 0x11a9c}, {0x11a9e, 0x11aa2}, {0x11b00, 0x11b09}, {0x11c41, 0x11c45}, {0x11c70, 0x11c71},
    {0x11ef7, 0x11ef8}, {0x11f43, 0x11f4f}, {0x11fff, 0x11fff}, {0x12ff1, 0x12ff2}, {0x16e97, 0x16e9a},
    {0x16fe2, 0x16fe2}, {0x1e95e, 0x1e95f},
};
// Kept marks whose combining class counts as 0:
constexpr Range kNotCombining[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},     {0xc3c, 0xc3c},
    {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},
    {0xa82c, 0xa82c},   {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff}, {0x10f46, 0x10f50},
    {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a},
    {0x1193d, 0x1193e}, {0x11943, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a34}, {0x11a47, 0x11a47},
    {0x11a99, 0x11a99}, {0x11d42, 0x11d42}, {0x11d44, 0x11d45}, {0x11d97, 0x11d97}, {0x11f41, 0x11f42},
    {0x16ff0, 0x16ff1}, {0x1e08f, 0x1e08f}, {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef},
    {0x1e4ec, 0x1e4ef},
};
constexpr Range kIdeographs[] = {
    // 0x2b820-0x2b91f are missing there too
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
    {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f},
};
struct LowerCase {
  char32_t first, last, lower_of_first;
};
// Capitals of Unicode 16 and 17; consecutive ones map to consecutive letters.
constexpr LowerCase kLowerCase[] = {
    {0x1c89, 0x1c89, 0x1c8a},    {0xa7cb, 0xa7cb, 0x264},     {0xa7cc, 0xa7cc, 0xa7cd}, {0xa7ce, 0xa7ce, 0xa7cf},
    {0xa7d2, 0xa7d2, 0xa7d3},    {0xa7d4, 0xa7d4, 0xa7d5},    {0xa7da, 0xa7da, 0xa7db}, {0xa7dc, 0xa7dc, 0x19b},
    {0x10d50, 0x10d65, 0x10d70}, {0x16ea0, 0x16eb8, 0x16ebb},
};

template <std::size_t N>
bool in(const Range (&ranges)[N], char32_t point) noexcept {
  const auto* after = std::upper_bound(std::begin(ranges), std::end(ranges), point,
                                       [](char32_t p, const Range& r) { return p < r.first; });
  return after != std::begin(ranges) && point <= std::prev(after)->last;
}

utf8proc_category_t category(char32_t point) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

bool is_control(char32_t point) noexcept {
  if (point == U'\t' || point == U'\n' || point == U'\r') return false;
  const auto c = category(point);
  if (c == UTF8PROC_CATEGORY_CF) return !in(kNotFormat, point);
  return c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CO || c == UTF8PROC_CATEGORY_CS;
}

// The property White_Space.
bool is_space(char32_t point) noexcept {
  if (point < 0x100) return (point >= 9 && point <= 13) || point == 0x20 || point == 0x85 || point == 0xa0;
  const auto c = category(point);
  return c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

bool is_punctuation(char32_t point) noexcept {
  if (point < 0x80) {
    return (point >= 33 && point <= 47) || (point >= 58 && point <= 64) || (point >= 91 && point <= 96) ||
           (point >= 123 && point <= 126);
  }
  if (point == 0x166d || point == 0x111c9) return true;  // were punctuation in Unicode 8
  const auto c = category(point);
  return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO && !in(kNotPunctuation, point);
}

bool is_mark(char32_t point) noexcept {
  if (point == 0x1734) return true;  // was one in Unicode 8
  return category(point) == UTF8PROC_CATEGORY_MN && !in(kNotMark, point);
}

char32_t lower(char32_t point) noexcept {
  if (point < kLowerCase[0].first) return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
  for (const LowerCase& l : kLowerCase) {
    if (point >= l.first && point <= l.last) return l.lower_of_first + (point - l.first);
  }
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
}

constexpr char32_t kCapitalDottedI = 0x130;  // the one capital whose lower case has two code points: i, U+0307

}  // namespace

BertCharacters::BertCharacters(const BertNormalizing& normalizing) : normalizing_(normalizing) {
  std::vector<Character> table(0x10000);
  std::vector<DecomposedPoint> parts;
  for (char32_t p = 0; p < table.size(); ++p) table[p] = classify(p, parts);
  table_ = std::move(table);
}

CharacterKind BertCharacters::kind_of_normalised(char32_t point) noexcept {
  if (is_space(point)) return CharacterKind::space;
  return is_punctuation(point) ? CharacterKind::punctuation : CharacterKind::letter;
}

bool BertCharacters::is_split(char32_t point) const noexcept {
  return normalizing_.split_chinese_characters && in(kIdeographs, point);
}

void BertCharacters::expand(char32_t point, std::vector<DecomposedPoint>& out) const {
  const std::size_t first = out.size();
  out.push_back({point, 0, true});
  if (normalizing_.strip_accents) {
    std::array<utf8proc_int32_t, 32> parts{};  // the longest canonical decomposition has 4
    int boundary = 0;
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point), parts.data(), parts.size(),
                                           UTF8PROC_DECOMPOSE, &boundary);
    if (n > 0 && point != 0x11938) {  // U+11938: Unicode 13
      out.resize(first);
      for (const auto part : std::span(parts).first(static_cast<std::size_t>(n))) {
        const auto p = static_cast<char32_t>(part);
        const auto combining = in(kNotCombining, p) ? 0 : utf8proc_get_property(part)->combining_class;
        out.push_back({p, static_cast<std::uint8_t>(combining), !is_mark(p)});
      }
    }
  }
  if (!normalizing_.lowercase) return;
  if (point == kCapitalDottedI && !normalizing_.strip_accents) {
    out.back().point = U'i';
    out.push_back({0x307, 0, true});
    return;
  }
  for (DecomposedPoint& d : std::span(out).subspan(first)) d.point = lower(d.point);
}

Character BertCharacters::classify(char32_t point, std::vector<DecomposedPoint>& parts) const {
  if (normalizing_.clean_text) {
    if (point == 0 || point == 0xfffd || is_control(point)) return {CharacterKind::dropped, 0};
    if (is_space(point)) return {CharacterKind::space, 0};
  }
  parts.clear();
  expand(point, parts);
  // Dropped marks matter only where they could part kept ones that change places; after a starter they cannot.
  const auto all_dropped = [](std::span<const DecomposedPoint> marks) {
    return std::all_of(marks.begin(), marks.end(), [](const DecomposedPoint& d) { return !d.kept; });
  };
  if (all_dropped(parts) && !is_split(point)) {
    const bool passes = std::all_of(parts.begin(), parts.end(), [](const auto& d) { return d.combining_class > 0; });
    return {passes ? CharacterKind::dropped : CharacterKind::sequence, 0};
  }
  if (!parts[0].kept || parts[0].combining_class != 0 || !all_dropped(std::span(parts).subspan(1))) {
    return {CharacterKind::sequence, 0};
  }
  const CharacterKind kind = kind_of_normalised(parts[0].point);
  if (!is_split(point)) return {kind, parts[0].point};
  return {kind == CharacterKind::letter ? CharacterKind::ideograph : CharacterKind::sequence, parts[0].point};
}

}  // namespace equal::text
