#include "equal/extract/keep.hpp"

#include <bit>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

namespace equal::extract {
namespace {

constexpr const char* kDocument =
    "The mitral valve lies between the left atrium and the left ventricle. It opens about 100,000 times a day. "
    "Blood that leaves the ventricle passes through the aortic valve, which has three cusps.";

std::string reason_for(const Pair& pair, const KeepParams& params = {}, std::string_view document = kDocument) {
  const KeepResult result = KeepRules(params).apply(document, {pair});
  return result.kept.empty() ? result.rejected.at(0).reason : "kept";
}

TEST(Keep, GroundedPairIsKeptAndTrimmed) {
  const KeepResult result = KeepRules().apply(
      kDocument, {{"  Where does the mitral valve lie?\n", "Between the left atrium and ventricle. "}});
  ASSERT_EQ(result.kept.size(), 1U);
  EXPECT_EQ(result.kept[0].question, "Where does the mitral valve lie?");
  EXPECT_EQ(result.kept[0].answer, "Between the left atrium and ventricle.");
}

TEST(Keep, EachDropHasItsReason) {
  EXPECT_EQ(reason_for({"", "three"}), "empty");
  EXPECT_EQ(reason_for({"How many cusps has the aortic valve?", " \n"}), "empty");
  EXPECT_EQ(reason_for({"Valve?", "three"}), "short");
  EXPECT_EQ(reason_for({"How many cusps has the aortic valve?", std::string(9000, 'x')}), "long");
  EXPECT_EQ(reason_for({"[question here]", "[answer here]"}), "placeholder");
  EXPECT_EQ(reason_for({"How many cusps has the aortic valve?", "..."}), "placeholder");
  EXPECT_EQ(reason_for({"What does the passage say about the valve?", "It opens."}), "not_self_contained");
  EXPECT_EQ(reason_for({"How many cusps has the aortic valve?", "I cannot answer that."}), "refusal");
  EXPECT_EQ(reason_for({"Combien de valves la valve mitrale a-t-elle dans le coeur et dans le corps ?",
                        "Il y en a une dans le coeur."}),
            "language");
  EXPECT_EQ(
      reason_for({"How many cusps has the aortic valve?", "Seven leaflets made from collagen and elastin fibres."}),
      "ungrounded_words");
  EXPECT_EQ(reason_for({"How often does the mitral valve open?", "About 70,000 times a day."}), "ungrounded_numbers");
  EXPECT_EQ(reason_for({"Which European capital hosts transplant surgeons?", "The left ventricle."}),
            "ungrounded_question");
}

TEST(Keep, NumbersMatchWhateverTheirSpelling) {
  EXPECT_EQ(reason_for({"How often does the mitral valve open?", "It opens about 100000 times a day."}), "kept");
}

TEST(Keep, LaterDuplicatesGo) {
  const Pair pair{"How many cusps has the aortic valve?", "Three cusps."};
  const KeepResult result =
      KeepRules().apply(kDocument, {pair, {"how many cusps has the  aortic valve", "three cusps"}, pair});
  EXPECT_EQ(result.kept.size(), 1U);
  ASSERT_EQ(result.rejected.size(), 2U);
  EXPECT_EQ(result.rejected[0].reason, "duplicate");
}

TEST(Keep, NearDuplicatesGoUnlessTheirNumbersDiffer) {
  const std::string text =
      "The pump moves 40 litres of water each minute in winter. The pump moves 60 litres of water each minute in "
      "summer.";
  const Pair winter{"How many litres of water does the pump move each minute in winter?", "The pump moves 40 litres."};
  const Pair again{"How many litres of the water did a pump move in each minute of winter?", "Pumps moved 40 litres!"};
  const Pair summer{"How many litres of water does the pump move each minute in winter?", "The pump moves 60 litres."};
  const KeepResult result = KeepRules().apply(text, {winter, again, summer});
  ASSERT_EQ(result.kept.size(), 2U);
  EXPECT_EQ(result.kept[1], summer);
  EXPECT_EQ(result.rejected.at(0).reason, "near_duplicate");
  KeepParams exact;
  exact.near_duplicate_bits = 0;
  EXPECT_EQ(KeepRules(exact).apply(text, {winter, again, summer}).kept.size(), 3U);
}

TEST(Keep, SimHashIsNearForNearTextsOnly) {
  const Pair a{"Which gland controls the body's metabolism?",
               "The thyroid gland controls metabolism with two hormones."};
  const Pair b{"Which gland controls a body's metabolism?",
               "The thyroid gland controls the metabolism with two hormones!"};
  const Pair c{"Which court hears appeals of tenants?", "The district court hears appeals of tenants and landlords."};
  EXPECT_EQ(simhash(a), simhash(b));
  EXPECT_GT(std::popcount(*simhash(a) ^ *simhash(c)), 12);
  EXPECT_FALSE(simhash({"Why?", "Because."}));
}

TEST(Keep, TextsThatPointElsewhere) {
  for (const char* text :
       {"According to the passage, who won?", "What is the main idea of this text?", "What was mentioned above?",
        "What does the author of this article think?", "As stated in the document, why?",
        "What is the purpose of the given text?", "What is described in the text?"}) {
    EXPECT_TRUE(points_to_source(text)) << text;
  }
  for (const char* text : {"How do I insert a text box in the document?", "What must the document contain?",
                           "How long is the passage through the canal?", "Which section of the aorta is the widest?",
                           "How many rows does the table have?"}) {
    EXPECT_FALSE(points_to_source(text)) << text;
  }
}

TEST(Keep, CosineComesFromTheCaller) {
  KeepParams params;
  params.min_cosine = 0.5;
  const Pair pair{"How many cusps has the aortic valve?", "Three cusps."};
  EXPECT_THROW(KeepRules{params}, InternalError);
  params.similarity = [](std::string_view, const Pair&) { return 0.4; };
  EXPECT_EQ(KeepRules(params).apply(kDocument, {pair}).rejected.at(0).reason, "far");
  params.similarity = [](std::string_view, const Pair&) { return 0.6; };
  EXPECT_EQ(KeepRules(params).apply(kDocument, {pair}).kept.size(), 1U);
  KeepParams other = params;
  other.similarity_name = "another encoder";
  EXPECT_NE(KeepRules(params).digest(), KeepRules(other).digest());
}

TEST(Keep, DigestNamesEveryParameter) {
  KeepParams other;
  other.min_answer_numbers = 0.9;
  EXPECT_NE(KeepRules().digest(), KeepRules(other).digest());
  KeepParams near;
  near.near_duplicate_bits = 0;
  EXPECT_NE(KeepRules().digest(), KeepRules(near).digest());
  EXPECT_EQ(KeepRules().digest(), KeepRules().digest());
}

TEST(Keep, SharesOutsideTheUnitIntervalAreRefused) {
  KeepParams params;
  params.min_answer_words = 1.5;
  EXPECT_THROW(KeepRules{params}, UsageError);
}

}  // namespace
}  // namespace equal::extract
