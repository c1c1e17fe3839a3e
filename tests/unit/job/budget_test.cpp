#include "budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/settings/parse.hpp"

#include "extraction_progress.hpp"

namespace equal::job {
namespace {

using ::testing::HasSubstr;

settings::Settings with(const std::string& documents) {
  settings::Settings s = settings::defaults();
  s.budget_documents = documents;
  return s;
}

Spending spent_of(const Budget& budget, std::uint64_t documents, const extract::Usage& each) {
  Spending out;
  for (std::uint64_t i = 0; i < documents; ++i) budget.add(out, each);
  return out;
}

TEST(Budget, DocumentsAreANumberOrAShare) {
  EXPECT_EQ(Budget(with("5%"), 1000).documents(), 50U);
  EXPECT_EQ(Budget(with("2000"), 1000).documents(), 1000U);
  EXPECT_THROW(Budget(with("many"), 1000), UsageError);
  const Budget budget(with("100"), 1000);
  EXPECT_EQ(budget.room(40, 10, {}), 60U);
  EXPECT_EQ(budget.room(100, 10, {}), 0U);
}

TEST(Budget, WhatIsInFlightIsReserved) {
  settings::Settings s = with("100%");
  s.budget_calls = 100;
  Budget budget(s, 10000);
  budget.expect({1, 0, 0, 0.0});
  EXPECT_EQ(budget.room(0, 0, {}), 100U) << "one call a document, before anything is known";
  EXPECT_EQ(budget.room(60, 60, {}), 40U);
  const Spending twice = spent_of(budget, 10, {2, 50, 10, 0.1});  // retries: two calls a document
  EXPECT_EQ(budget.room(10, 0, twice), 40U);
  EXPECT_EQ(budget.room(45, 35, twice), 5U);
  EXPECT_EQ(budget.room(60, 50, twice), 0U);
}

TEST(Budget, TokensAndMoneyEndARunToo) {
  settings::Settings s = with("100%");
  s.budget_tokens = 6000;
  s.budget_money = 1.0;
  EXPECT_THROW(Budget(s, 10000), UsageError) << "money without prices";
  s.price_prompt = 100.0;
  s.price_completion = 1000.0;
  const Budget budget(s, 10000);
  const Spending spent = spent_of(budget, 10, {1, 50, 10, 0.1});  // 600 tokens, 0.05 + 0.1 of money
  EXPECT_DOUBLE_EQ(spent.money, 0.15);
  EXPECT_EQ(budget.room(10, 0, spent), 56U) << "0.85 left at 0.015 each, before the 90 that the tokens allow";
  const Spending end = budget.projected(spent);
  EXPECT_EQ(end.documents, 66U);
  EXPECT_NEAR(end.money, 1.0, 0.02);
  EXPECT_THAT(budget.beside(spent), HasSubstr("600 of 6,000 tokens, 0.15 of 1.00 money"));
}

TEST(ExtractionProgress, CountsFromWhereTheReplayEnded) {
  const Budget budget(with("1000"), 10000);
  ExtractionTotals totals;
  totals.answered = 100;
  totals.spent = spent_of(budget, 100, {1, 400, 100, 1.0});
  ExtractionProgress progress(budget, totals, 10.0);
  EXPECT_FALSE(progress.projection(totals)) << "nothing was asked by this run yet";
  totals.answered = 140;
  totals.kept = 300;
  totals.duplicates = 2;
  totals.rejected["far"] = 5;
  totals.spent = spent_of(budget, 140, {1, 400, 100, 1.0});
  const std::string note = progress.note(totals, 32, 14.0);
  EXPECT_THAT(note, HasSubstr("300 pairs kept, 7 dropped, 32 in flight, 10.0 calls/s, 5,000 tokens/s"));
  EXPECT_THAT(note, HasSubstr("spent 140 of 1,000 documents"));
  const auto projection = progress.projection(totals);
  ASSERT_TRUE(projection);
  EXPECT_THAT(*projection, HasSubstr("1,000 documents with 1,000 calls and 500,000 tokens"));
  EXPECT_FALSE(progress.projection(totals)) << "said once";
}

}  // namespace
}  // namespace equal::job
