// What BERT's normaliser and pre-tokeniser do to one code point. The reference is Hugging Face `tokenizers` 0.23
// (BertNormalizer, BertPreTokenizer), bit for bit over all of Unicode: its crates follow Unicode 8 and 9 for categories
// and decompositions and a newer one for lower case, so utf8proc's tables are corrected by the short lists in
// bert_characters.cpp.
#pragma once

#include <cstdint>
#include <vector>

namespace equal::text {

struct BertNormalizing {
  bool clean_text = true;  ///< drop control characters, make every white space a blank
  bool split_chinese_characters = true;
  bool strip_accents = true;  ///< decompose (NFD) and drop non-spacing marks
  bool lowercase = true;
};

enum class CharacterKind : std::uint8_t {
  letter,       ///< part of a word
  space,        ///< ends a word
  punctuation,  ///< a word of its own
  dropped,
  ideograph,  ///< a letter set apart by blanks
  sequence,   ///< anything else: see expand()
};

struct Character {
  CharacterKind kind = CharacterKind::letter;
  char32_t point = 0;  ///< after normalising; unused for space, dropped, sequence
};

/// One code point of a decomposition, before reordering and dropping.
struct DecomposedPoint {
  char32_t point = 0;
  std::uint8_t combining_class = 0;
  bool kept = true;
};

/// Immutable after construction. 512 KiB: the Basic Multilingual Plane is tabled, the rest computed.
class BertCharacters {
 public:
  explicit BertCharacters(const BertNormalizing& normalizing);

  Character operator[](char32_t point) const {
    if (point < table_.size()) return table_[point];
    std::vector<DecomposedPoint> parts;
    return classify(point, parts);
  }
  /// The normalised code points of `point` in decomposition order, for kind == sequence. Only kept ones are
  /// lower-cased; the caller puts runs of combining_class > 0 into canonical order (stable by class) across neighbours
  /// before it drops any.
  void expand(char32_t point, std::vector<DecomposedPoint>& out) const;
  /// Kind of a normalised code point: letter, space or punctuation.
  static CharacterKind kind_of_normalised(char32_t point) noexcept;
  /// Does `point` get blanks around it?
  bool is_split(char32_t point) const noexcept;

 private:
  Character classify(char32_t point, std::vector<DecomposedPoint>& parts) const;

  BertNormalizing normalizing_;
  std::vector<Character> table_;
};

}  // namespace equal::text
