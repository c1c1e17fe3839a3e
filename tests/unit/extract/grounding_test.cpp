#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/extract/keep.hpp"

#include "support/scratch.hpp"

namespace equal::extract {
namespace {

/// The rule on pairs that were labelled by hand before it was tuned (tests/data/extract/README.md).
TEST(GroundingLabels, TheRuleCatchesInventionAndKeepsParaphrase) {
  std::istringstream lines(read_file(test::fixture("extract/grounding_labels.jsonl")));
  std::map<std::string, std::string> documents;
  std::size_t kept_grounded = 0, kept_invented = 0, grounded = 0, invented = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json json = parse_json(line, "grounding_labels.jsonl");
    if (json.contains("document")) {
      documents[json["document"]] = json["text"];
      continue;
    }
    const KeepResult result = KeepRules().apply(documents.at(json["pair"]), {{json["question"], json["answer"]}});
    const bool kept = !result.kept.empty();
    (json["grounded"] ? grounded : invented) += 1;
    (json["grounded"] ? kept_grounded : kept_invented) += kept;
  }
  EXPECT_EQ(grounded + invented, 111U);
  const double precision = static_cast<double>(kept_grounded) / static_cast<double>(kept_grounded + kept_invented);
  const double recall = static_cast<double>(kept_grounded) / static_cast<double>(grounded);
  EXPECT_GE(precision, 0.90);
  EXPECT_GE(recall, 0.85);
}

TEST(Grounding, SharesMeasureWhatTheySay) {
  const char* document = "The red fox runs 30 miles. A blue whale swims slowly.";
  const Grounding whole = measure_grounding(document, {"How far does the red fox run?", "The fox runs 30 miles."});
  EXPECT_EQ(whole.answer_words, 1.0);
  EXPECT_EQ(whole.answer_numbers, 1.0);
  EXPECT_EQ(whole.answer_phrases, 1.0);
  const Grounding mixed = measure_grounding(document, {"Which animal swims?", "The whale runs 31 green miles."});
  EXPECT_EQ(mixed.foreign_words, 1U);
  EXPECT_EQ(mixed.answer_words, 0.75);  // whale, run, mile of four
  EXPECT_EQ(mixed.answer_numbers, 0.0);
  EXPECT_EQ(mixed.answer_phrases, 0.0);
  EXPECT_EQ(mixed.question_words, 0.5);  // swim of animal, swim
}

}  // namespace
}  // namespace equal::extract
