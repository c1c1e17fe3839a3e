#include "words.hpp"

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::extract {
namespace {

std::string joined(std::string_view text) {
  std::string out;
  for (const Token& token : tokenize(text)) out += (out.empty() ? "" : "|") + token.text;
  return out;
}

TEST(Words, SplitAndLowerCase) {
  EXPECT_EQ(joined("The cell's Membrane, isn't it?"), "the|cell|membrane|isn't|it");
  EXPECT_EQ(joined("\xC3\x89t\xC3\xA9 \xD0\x9C\xD0\xB8\xD1\x80"),
            "\xC3\xA9t\xC3\xA9|\xD0\xBC\xD0\xB8\xD1\x80");  // Été Мир
  EXPECT_EQ(joined(""), "");
}

TEST(Words, NumbersHaveOneSpelling) {
  EXPECT_EQ(joined("1,250.50 and 007 or 0.0, 3.14.15; 1,2"), "1250.5|and|7|or|0|3.14|15|1|2");
  EXPECT_EQ(joined("12,345,678"), "12345678");
  EXPECT_EQ(tokenize("42").front().kind, TokenKind::number);
}

TEST(Words, UnspacedScriptsGiveOverlappingPairs) {
  EXPECT_EQ(joined("\xE4\xB8\xAD\xE5\x9B\xBD\xE4\xBA\xBA x"), "\xE4\xB8\xAD\xE5\x9B\xBD|\xE5\x9B\xBD\xE4\xBA\xBA|x");
  EXPECT_EQ(joined("\xE4\xB8\xAD"), "\xE4\xB8\xAD");
}

TEST(Words, StemJoinsInflections) {
  EXPECT_EQ(stem("studies"), stem("study"));
  EXPECT_EQ(stem("stopped"), stem("stop"));
  EXPECT_EQ(stem("boxes"), stem("box"));
  EXPECT_EQ(stem("making"), stem("make"));
  EXPECT_EQ(stem("classes"), stem("class"));
  EXPECT_NE(stem("analysis"), stem("analyst"));
}

TEST(Words, LanguageIsNamedOnlyWhenClear) {
  EXPECT_EQ(language_of("The heart is a muscle that pumps blood to all parts of the body and it beats for life."),
            "en");
  EXPECT_EQ(language_of("Das Herz ist ein Muskel, der das Blut durch den K\xC3\xB6rper pumpt und nicht ruht."), "de");
  EXPECT_EQ(language_of("Le coeur est un muscle qui pompe le sang dans le corps et dans les organes."), "fr");
  EXPECT_EQ(
      language_of("\xE5\xBF\x83\xE8\x87\x93\xE3\x81\xAF\xE8\xA1\x80\xE6\xB6\xB2\xE3\x82\x92\xE9\x80\x81\xE3\x82\x8B"),
      "ja");
  EXPECT_EQ(language_of("x = 4"), "");
  EXPECT_EQ(language_of(""), "");
}

TEST(Words, HostileBytesNeverLeaveTheText) {
  RandomStream random(7, "hostile bytes");
  for (int round = 0; round < 2000; ++round) {
    std::string text(random.below(24), '\0');
    for (char& c : text) c = static_cast<char>(random.below(256));
    EXPECT_LE(count_code_points(text), text.size());
    tokenize(text);
    language_of(text);
  }
}

}  // namespace
}  // namespace equal::extract
