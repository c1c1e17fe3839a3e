#include "equal/extract/replay.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

namespace equal::extract {
namespace {

TEST(Replay, AnswersWithTheKnownPairsOfEachDocument) {
  const auto extractor = make_replay();
  extractor->submit({7, "seven", "text", {{"What is it?", "A test."}, {" What is it? ", "A test"}, {"Why?", " "}}});
  extractor->submit({8, "eight", "text", {}});
  const std::vector<Extraction> got = extractor->poll(0.0);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].document, 7U);
  EXPECT_EQ(got[0].pairs, (std::vector<Pair>{{"What is it?", "A test."}}));
  ASSERT_EQ(got[0].rejected.size(), 2U);
  EXPECT_EQ(got[0].rejected[0].reason, "duplicate");
  EXPECT_EQ(got[0].rejected[1].reason, "empty");
  EXPECT_EQ(got[0].usage.calls, 0U);
  EXPECT_TRUE(got[1].pairs.empty());
  EXPECT_TRUE(got[1].failure.empty());
  EXPECT_TRUE(extractor->poll(0.0).empty());
}

TEST(Replay, DigestDependsOnTheKeepRules) {
  ReplayParams strict;
  strict.keep = KeepParams{};
  EXPECT_NE(make_replay()->digest(), make_replay(strict)->digest());
  EXPECT_EQ(make_replay()->digest(), make_replay()->digest());
}

TEST(Replay, HoldsNoMoreThanItsSlots) {
  ReplayParams params;
  params.slots = 1;
  const auto extractor = make_replay(params);
  extractor->submit({0, "a", "", {}});
  EXPECT_THROW(extractor->submit({1, "b", "", {}}), InternalError);
  params.slots = 0;
  EXPECT_THROW(make_replay(params), UsageError);
}

}  // namespace
}  // namespace equal::extract
