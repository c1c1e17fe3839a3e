#include "equal/extract/answer.hpp"

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::extract {
namespace {

using Pairs = std::vector<Pair>;

TEST(Tagged, WholePairsAreRead) {
  const Answer got = parse_tagged(
      "Sure!\n<pair>\n<question>Q1</question>\n<answer>A1</answer>\n</pair>\n<pair><question>Q2</question><answer>A2</"
      "answer></pair>",
      true, 10);
  EXPECT_EQ(got.pairs, (Pairs{{"Q1", "A1"}, {"Q2", "A2"}}));
  EXPECT_EQ(got.incomplete, 0U);
}

TEST(Tagged, LatexAndCodeComeThroughUnharmed) {
  const std::string answer = "\\frac{1}{2} \\times \\nabla \"x\" if a < b and c > d: {'k': 1}";
  const Answer got = parse_tagged("<question>What is it?</question><answer>" + answer + "</answer>", true, 10);
  EXPECT_EQ(got.pairs.at(0).answer, answer);
}

TEST(Tagged, WrongOrMissingClosingTags) {
  // As SmolLM2-135M writes them.
  EXPECT_EQ(parse_tagged("<pair>\n<question>Q</answer>\n<response>A</response>\n</pair>", true, 9).pairs,
            (Pairs{{"Q", "A"}}));
  EXPECT_EQ(parse_tagged("<pair>\n<question>Q</question>\nA</answer>\n</pair>", true, 9).pairs, (Pairs{{"Q", "\nA"}}));
  EXPECT_EQ(parse_tagged("<question>Q<answer>A<question>R<answer>B", true, 9).pairs, (Pairs{{"Q", "A"}, {"R", "B"}}));
}

TEST(Tagged, CutAnswerKeepsItsCompletePairs) {
  const std::string text =
      "<pair><question>Q1</question><answer>A1</answer></pair><pair><question>Q2</question><answer>A2 is cu";
  const Answer cut = parse_tagged(text, false, 9);
  EXPECT_EQ(cut.pairs, (Pairs{{"Q1", "A1"}}));
  EXPECT_EQ(cut.incomplete, 1U);
  EXPECT_EQ(parse_tagged(text, true, 9).pairs.size(), 2U) << "a model that stops by itself may forget the last tag";
  for (std::size_t n = 0; n < text.size(); ++n) {
    for (const Pair& pair : parse_tagged(text.substr(0, n), false, 9).pairs) EXPECT_EQ(pair, (Pair{"Q1", "A1"})) << n;
  }
}

TEST(Tagged, QuestionWithoutAnswerIsIncomplete) {
  EXPECT_EQ(parse_tagged("<pair><question>Q</question></pair> and so on", true, 9).incomplete, 1U);
  EXPECT_TRUE(parse_tagged("<pair><question>Q</question></pair> and so on", true, 9).pairs.empty());
  EXPECT_EQ(parse_tagged("<question>Q", true, 9).incomplete, 1U);
}

TEST(Tagged, EscapedTagsComeBack) {
  EXPECT_EQ(
      parse_tagged("<question>What closes it?</question><answer>&lt;/document></answer>", true, 9).pairs.at(0).answer,
      "</document>");
}

TEST(Tagged, LabelledLinesAreReadWhereThereAreNoTags) {
  const Answer got =
      parse_tagged("**Question 1:** Why?\n**Answer:** Because\nof this.\n\n2. Q: How?\n   A: So.", true, 9);
  ASSERT_EQ(got.pairs.size(), 2U);
  EXPECT_EQ(got.pairs[0], (Pair{"Why?", "Because\nof this.\n"}));
  EXPECT_EQ(got.pairs[1], (Pair{"How?", "So."}));
  EXPECT_TRUE(parse_tagged("There is nothing worth asking.", true, 9).pairs.empty());
}

TEST(Tagged, SurplusIsCountedNotKept) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "<question>Q</question><answer>A</answer>";
  const Answer got = parse_tagged(text, true, 10);
  EXPECT_EQ(got.pairs.size(), 10U);
  EXPECT_EQ(got.surplus, 40U);
}

TEST(JsonPairs, ObjectArrayAndFenceAreRead) {
  const Pairs expected{{"Q1", "A1"}, {"Q2", "4"}};
  EXPECT_EQ(
      parse_json_pairs(R"({"pairs": [{"question": "Q1", "answer": "A1"}, {"question": "Q2", "answer": 4}]})", 9).pairs,
      expected);
  EXPECT_EQ(
      parse_json_pairs(
          "Here:\n```json\n[{\"question\":\"Q1\",\"answer\":\"A1\"},{\"question\":\"Q2\",\"answer\":\"4\"}]\n```", 9)
          .pairs,
      expected);
  EXPECT_EQ(parse_json_pairs(R"({"answer": "A1", "question": "Q1"})", 9).pairs.size(), 1U);
}

TEST(JsonPairs, LatexBackslashesAreMended) {
  const Answer got = parse_json_pairs(
      R"([{"question": "Is \frac{1}{2} \times 2 = 1?", "answer": "Yes: \(1\), \alpha, \nabla, \\beta, \"so\"\nnext \u00e9 \up"}])",
      9);
  ASSERT_EQ(got.pairs.size(), 1U);
  EXPECT_EQ(got.pairs[0].question, R"(Is \frac{1}{2} \times 2 = 1?)");
  EXPECT_EQ(got.pairs[0].answer, "Yes: \\(1\\), \\alpha, \\nabla, \\beta, \"so\"\nnext \xC3\xA9 \\up");
}

TEST(JsonPairs, CutTextKeepsWholeObjects) {
  const Answer got =
      parse_json_pairs(R"({"pairs": [{"question": "Q1", "answer": "A {1}"}, {"question": "Q2", "ans)", 9);
  EXPECT_EQ(got.pairs, (Pairs{{"Q1", "A {1}"}}));
  EXPECT_EQ(got.incomplete, 1U);
}

TEST(Answers, HostileTextNeverFailsNorTakesLong) {
  RandomStream random(11, "answers");
  const std::vector<std::string> parts{
      "<pair>",      "</pair>", "<question>", "</question>", "<answer>", "</answer>", "{\"question\":",
      "\"answer\":", "\"",      "\\",         "}",           "[",        "Q:",        "A:",
      "\n",          "x",       "&lt;",       "\\frac",      "\xff",     ","};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (std::uint64_t i = 0, n = random.below(30); i < n; ++i) text += parts[random.below(parts.size())];
    EXPECT_LE(parse_tagged(text, round % 2 == 0, 4).pairs.size(), 4U);
    EXPECT_LE(parse_json_pairs(text, 4).pairs.size(), 4U);
  }
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "{\"question\":[";
  parse_json_pairs(deep, 4);
  std::string tags;
  for (int i = 0; i < 200000; ++i) tags += "<question>";
  EXPECT_TRUE(parse_tagged(tags, true, 4).pairs.empty());
}

}  // namespace
}  // namespace equal::extract
