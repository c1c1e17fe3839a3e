#include "equal/clean/decontamination.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

namespace equal::clean {
namespace {

using Rule = ContaminationRule;

const std::string kLong =
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did "
    "Natalia sell altogether in April and May?";
const std::string kMiddle =
    "Write a python function to find the first repeated character in a given lower case string";  // 16
const std::string kShort = "Name the capital city of modern France today";                        // 8
const std::string kTiny = "What is asthma?";
const std::string kAnswer =
    "Natalia sold 48/2 = 24 clips in May. Altogether she sold 48 + 24 = 72 clips in April and May, which is the "
    "answer.";

Decontaminator make(DecontaminationParams params = {}) {
  return Decontaminator(
      {{"t", 0, kLong, kAnswer}, {"t", 1, kMiddle, "short"}, {"t", 2, kShort, ""}, {"t", 3, kTiny, ""}}, params);
}

void expect(const Decontaminator& d, const std::string& question, const std::string& answer, std::size_t item,
            Rule rule) {
  const auto found = d.find(question, answer);
  ASSERT_TRUE(found) << question << " | " << answer;
  EXPECT_EQ(found->item, item);
  EXPECT_EQ(name_of(found->rule), std::string(name_of(rule)));
}

TEST(Decontamination, FindsExactAndEmbeddedItems) {
  const auto d = make();
  expect(d, kLong, "72", 0, Rule::run);
  expect(d, "Solve this. " + kLong + " Think hard.", "x", 0, Rule::run);
  expect(d, "A task?", "It goes: " + kLong, 0, Rule::run);
  expect(d, "Hello. " + kMiddle + "; thanks", "x", 1, Rule::run);
  expect(d, "name the CAPITAL city of modern France, today!", "Paris", 2, Rule::whole);
  expect(d, "Tell me.", "I was asked to " + kShort + " and did", 2, Rule::whole);
  expect(d, "what is Asthma", "An illness", 3, Rule::equal);
  expect(d, "How many?", "Well: " + kAnswer, 0, Rule::answer);
}

TEST(Decontamination, FindsEveryQuestionRewordedByOneToken) {
  const auto d = make();
  for (const auto& [item, text] : {std::pair<std::size_t, std::string>{0, kLong}, {1, kMiddle}}) {
    std::vector<std::string> words;
    for (std::size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
      end = text.find(' ', at);
      words.push_back(text.substr(at, end - at));
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (const char* how : {"exchanged", "left out", "put in"}) {
        std::string reworded = "so then";
        for (std::size_t j = 0; j < words.size(); ++j) {
          if (j == i && how[0] != 'l') reworded += " zebra";
          if (j != i || how[0] == 'p') reworded += " " + words[j];
        }
        const auto found = d.find(reworded + " and so on", "x");
        ASSERT_TRUE(found) << how << ": " << reworded;
        EXPECT_EQ(found->item, item);
      }
    }
  }
}

TEST(Decontamination, LeavesOthersAlone) {
  const auto d = make();
  EXPECT_FALSE(d.find("What is asthma and who has it?", "What is asthma is a question"));
  EXPECT_FALSE(d.find("Name the capital city of modern Spain today", "Madrid"));
  EXPECT_FALSE(d.find("Write a python function to find the last missing character in a given lower case string",
                      "two words differ"));
  EXPECT_FALSE(d.find("How many clips did Natalia sell in June?", "Natalia sold 24 clips."));
  EXPECT_FALSE(d.find("", ""));
  EXPECT_FALSE(Decontaminator({}).find(kLong, kAnswer));
  DecontaminationParams strict;
  strict.reworded = false;
  EXPECT_FALSE(make(strict).find(
      "Write a python function to find the one repeated character in a given lower case string", "x"));
  strict.answer_share = 0;
  EXPECT_THROW(make(strict), UsageError);
}

TEST(Decontamination, PhrasesThatAnswersShareSayNothing) {
  const std::string fixed =
      "The following list of signs and symptoms was made by a panel of experts who looked at many patients over years";
  const Decontaminator d(
      {{"t", 0, "Signs of A?",
        fixed + " and the first of them is a strange rash on the left arm that comes and goes with rain"},
       {"t", 1, "Signs of B?", fixed},
       {"t", 2, "Signs of C?", fixed}});
  EXPECT_FALSE(d.find("Signs of D?", fixed + " and nothing else was ever written down about it at all"));
  expect(d, "Signs of what?",
         fixed + " and the first of them is a strange rash on the left arm that comes and goes with rain", 0,
         Rule::answer);
}

}  // namespace
}  // namespace equal::clean
