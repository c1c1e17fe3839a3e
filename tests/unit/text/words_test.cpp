#include "equal/text/words.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::text {
namespace {

std::vector<std::uint64_t> words_of(std::string_view text) {
  std::vector<std::uint64_t> out;
  append_word_hashes(text, out);
  return out;
}

std::vector<std::uint64_t> hashes_of(std::initializer_list<std::string_view> words) {
  std::vector<std::uint64_t> out;
  for (const auto w : words) out.push_back(word_hash(w));
  return out;
}

TEST(Words, AreThoseOfScikitLearnsPattern) {
  // Expected values: re.findall(r"(?u)\b\w\w+\b", text.lower()) of Python 3.11.
  EXPECT_EQ(words_of(""), hashes_of({}));
  EXPECT_EQ(words_of("a I ."), hashes_of({}));
  EXPECT_EQ(words_of("Don't stop: 3/4 of 1,000 is 750."), hashes_of({"don", "stop", "of", "000", "is", "750"}));
  EXPECT_EQ(words_of("snake_Case __init__ x_1 _"), hashes_of({"snake_case", "__init__", "x_1"}));
  EXPECT_EQ(words_of("Internationalisation/TOKENISATION"), hashes_of({"internationalisation", "tokenisation"}));
  EXPECT_EQ(words_of("ÄPFEL Straße naïve"), hashes_of({"äpfel", "straße", "naïve"}));
  EXPECT_EQ(words_of("ΑΘΗΝΑ Москва"), hashes_of({"αθηνα", "москва"}));
  EXPECT_EQ(words_of("x² x²³ ½a"), hashes_of({"x²", "x²³", "½a"}));
  EXPECT_EQ(words_of("end ends\xc2\xa0here—dash"), hashes_of({"end", "ends", "here", "dash"}));
}

TEST(Words, CombiningMarksStayInTheirWord) { EXPECT_EQ(words_of("हिन्दी भाषा"), hashes_of({"हिन्दी", "भाषा"})); }

TEST(Words, ScriptsWithoutBlanksGiveCharacterGrams) {
  EXPECT_EQ(words_of("日本語"), hashes_of({"日", "本", "日本", "語", "本語"}));
  EXPECT_EQ(words_of("カナだ"), hashes_of({"カナ", "ナだ", "カナだ"}));
  EXPECT_EQ(words_of("GPUで速い"), hashes_of({"gpu", "速", "で速", "速い"}));
  EXPECT_EQ(words_of("ไทย"), hashes_of({"ไท", "ทย", "ไทย"}));
}

TEST(Words, InvalidUtf8SeparatesAndIsNeverReadPastTheEnd) {
  EXPECT_EQ(words_of("ab\xff"
                     "cd"),
            hashes_of({"ab", "cd"}));
  EXPECT_EQ(words_of("ab\xe4\xb8"), hashes_of({"ab"}));
  RandomStream r(7, "words-fuzz");
  for (int round = 0; round < 3000; ++round) {
    std::string text(r.below(40), ' ');
    for (auto& c : text) c = static_cast<char>(r.below(3) != 0 ? 'a' + r.below(26) : r.below(256));
    const std::vector<char> exact(text.begin(), text.end());  // no terminator behind it: sanitizers see an over-read
    (void)words_of({exact.data(), exact.size()});
  }
}

TEST(Words, BothPathsHashAWordAlike) {
  // A neighbour beyond ASCII sends the word through the code-point path.
  RandomStream r(8, "words-paths");
  const std::string alphabet = "abcXYZ019_";
  for (int round = 0; round < 2000; ++round) {
    std::string word(2 + r.below(30), ' ');
    for (auto& c : word) c = alphabet[r.below(alphabet.size())];
    const auto fast = words_of(word + " ");
    auto slow = words_of(word + "語");
    ASSERT_EQ(slow.size(), 2U);
    slow.pop_back();
    EXPECT_EQ(fast, slow) << word;
  }
}

TEST(Words, HashesOfManyWordsAreDistinctAndSpreadOverTheLowBits) {
  std::set<std::uint64_t> all;
  std::vector<int> buckets(256);
  for (int i = 0; i < 100000; ++i) {
    const auto h = word_hash("word" + std::to_string(i));
    all.insert(h);
    ++buckets[h & 255];
  }
  EXPECT_EQ(all.size(), 100000U);
  for (const int n : buckets) EXPECT_NEAR(n, 390.6, 6 * 19.8);  // six standard deviations of a binomial
}

}  // namespace
}  // namespace equal::text
