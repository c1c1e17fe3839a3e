// Every code point of Unicode against what Hugging Face `tokenizers` makes of it (digests from
// tools/make_bert_fixtures.py).
#include "equal/text/bert_characters.hpp"

#include <string>

#include <gtest/gtest.h>

#include "equal/base/digest.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/text/utf8.hpp"

#include "support/scratch.hpp"

namespace equal::text {
namespace {

Json expected() { return parse_json(read_file(test::fixture("bert/unicode.json")), "unicode.json"); }

template <class F>
void for_all_points(const F& f) {
  for (char32_t p = 0; p < 0x110000; ++p) {
    if (p < 0xd800 || p >= 0xe000) f(p);
  }
}

// The normalised text of one code point: its decomposition is in canonical order already.
std::string normalised(const BertCharacters& characters, char32_t point) {
  std::string out;
  const Character c = characters[point];
  const bool apart = characters.is_split(point);
  if (apart) out += ' ';
  switch (c.kind) {
    case CharacterKind::dropped:
      break;
    case CharacterKind::space:  // kept as it is where the text is not cleaned
    case CharacterKind::letter:
    case CharacterKind::punctuation:
    case CharacterKind::ideograph:
      append_utf8(out, c.kind == CharacterKind::space && c.point == 0 ? U' ' : c.point);
      break;
    case CharacterKind::sequence: {
      std::vector<DecomposedPoint> parts;
      characters.expand(point, parts);
      for (const DecomposedPoint& d : parts) {
        if (d.kept) append_utf8(out, d.point);
      }
    }
  }
  if (apart) out += ' ';
  return out;
}

TEST(BertCharacters, NormalisesEveryCodePointAsTokenizersDoes) {
  const Json digests = expected();
  const std::pair<const char*, BertNormalizing> variants[] = {{"uncased", {true, true, true, true}},
                                                              {"cased", {true, true, false, false}},
                                                              {"accents_only", {false, false, true, false}},
                                                              {"lower_only", {false, true, false, true}}};
  for (const auto& [name, normalizing] : variants) {
    const BertCharacters characters(normalizing);
    Sha256 sha;
    for_all_points([&](char32_t p) { sha.update(normalised(characters, p) + "\n"); });
    EXPECT_EQ(sha.hex(), digests.at(name).get<std::string>()) << name;
  }
}

TEST(BertCharacters, SplitsEveryCodePointAsTokenizersDoes) {
  std::string kinds;
  for_all_points([&](char32_t p) {
    const CharacterKind kind = BertCharacters::kind_of_normalised(p);
    kinds += kind == CharacterKind::space ? ' ' : kind == CharacterKind::punctuation ? '.' : 'a';
  });
  EXPECT_EQ(sha256_hex(kinds), expected().at("kinds").get<std::string>());
}

}  // namespace
}  // namespace equal::text
