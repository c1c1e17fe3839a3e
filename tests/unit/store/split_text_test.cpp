#include "equal/store/split_text.hpp"

#include <cctype>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/json_lines.hpp"
#include "equal/base/random.hpp"

namespace equal::store {
namespace {

TEST(CountWords, ByScript) {
  EXPECT_EQ(count_words(""), 0u);
  EXPECT_EQ(count_words("  one two\n\nthree "), 3u);
  EXPECT_EQ(count_words("naïve café"), 2u);
  EXPECT_EQ(count_words("漢字漢字漢"), 3u);
  EXPECT_EQ(count_words("한국어 단어"), 2u) << "Korean has blanks";
  EXPECT_EQ(count_words(std::string(100, 'x')), 4u) << "a run counts once per 32 bytes";
}

/// The definition, one character at a time.
std::uint64_t words_by_definition(const std::string& text) {
  std::uint64_t half_words = 0, run = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::string character = text.substr(i, bytes);
    i += bytes;
    if (bytes == 1 && std::isspace(lead)) {
      run = 0;
    } else if (character == "漢") {
      run = 0, half_words += 1;
    } else {
      if (run == 0) half_words += 2;
      run = run + bytes >= 32 ? 0 : run + bytes;
    }
  }
  return (half_words + 1) / 2;
}

TEST(CountWords, ManyBytesAtATimeAreAsOneByOne) {
  RandomStream random(5, "count words");
  const std::vector<std::string> parts = {"a",
                                          "word",
                                          " ",
                                          "\n\n",
                                          "\t",
                                          "\v\f\r",
                                          "é",
                                          "漢",
                                          "…",
                                          std::string(31, 'x'),
                                          std::string(32, 'y'),
                                          std::string(33, 'z'),
                                          "\x1f",
                                          "\x0e",
                                          "~"};
  for (int round = 0; round < 3000; ++round) {
    // Some texts with everything, most of plain words only.
    const std::uint64_t kinds = round % 3 == 0 ? parts.size() : 4;
    std::string text(random.below(70), 'w');
    for (std::uint64_t n = random.below(200); n > 0; --n) text += parts[random.below(kinds)];
    ASSERT_EQ(count_words(text), words_by_definition(text)) << text;
  }
}

TEST(SplitText, KeepsWhatFits) {
  EXPECT_TRUE(split_text(" \n", 10).empty());
  EXPECT_EQ(split_text("  a b c \n", 3), (std::vector<TextPiece>{{2, 5}}));
  EXPECT_EQ(split_text(std::string(5000, 'x'), 0).size(), 1u);
}

TEST(SplitText, PrefersParagraphsThenSentencesThenWords) {
  const std::string text = "a b c. d e f\n\ng h i j k. l m n";
  const auto two = split_text(text, 8);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(text.substr(two[0].offset, two[0].size), "a b c. d e f");
  const std::string sentences = "a b c d. e f g h i j";
  EXPECT_EQ(split_text(sentences, 6)[0].size, std::string("a b c d.").size());
  const std::string words = "a b c d e f g h i j";
  EXPECT_EQ(split_text(words, 6), (std::vector<TextPiece>{{0, 9}, {10, 9}})) << "halves, not 6 and 4";
}

TEST(SplitText, HoldsItsPromisesOnRandomText) {
  std::mt19937 random(2);
  const char* const parts[] = {"word", "a",  ". ", " ", " ",   " ", "\n",
                               "\n\n", "漢", "。", "é", "ไทย", "😀", "supercalifragilisticexpialidocious"};
  for (int round = 0; round < 400; ++round) {
    std::string text;
    const std::size_t size = random() % 600;
    for (std::size_t i = 0; i < size; ++i) text += parts[random() % (round % 3 == 0 ? 14 : 9)];
    if (round % 7 == 0) text += std::string(3000, 'z');
    const std::uint64_t max_words = 1 + random() % 60;
    const auto pieces = split_text(text, max_words);
    std::size_t covered = 0;
    for (const TextPiece& piece : pieces) {
      ASSERT_LE(piece.offset + piece.size, text.size());
      ASSERT_GE(piece.offset, covered);
      const std::string between = text.substr(covered, piece.offset - covered),
                        own = text.substr(piece.offset, piece.size);
      EXPECT_EQ(between.find_first_not_of(" \n"), std::string::npos) << "text was lost";
      ASSERT_FALSE(own.empty());
      EXPECT_LE(count_words(own), max_words) << own;
      EXPECT_TRUE(is_valid_utf8(own));
      covered = piece.offset + piece.size;
    }
    EXPECT_EQ(text.find_first_not_of(" \n", covered), std::string::npos);
    EXPECT_TRUE(count_words(text) > max_words || pieces.size() <= 1);
  }
}

TEST(SplitText, LinearOnOneHugeRun) {
  const std::string text(20 << 20, 'x');
  const auto pieces = split_text(text, 512);
  EXPECT_NEAR(static_cast<double>(pieces.size()), static_cast<double>(text.size()) / (512 * 32), 2.0);
}

}  // namespace
}  // namespace equal::store
