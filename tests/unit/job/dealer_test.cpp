#include "dealer.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace equal::job {
namespace {

TEST(Dealer, GivesInOrderAndClosesAGroupAsSoonAsItsOthersAreDone) {
  const std::vector<WorkItem> items{{10, 0, false}, {11, 0, false}, {12, 0, true}, {20, 1, false}, {21, 1, true}};
  Dealer dealer(items);
  EXPECT_EQ(dealer.next(), 0U);
  EXPECT_EQ(dealer.next(), 1U);
  EXPECT_EQ(dealer.next(), 3U) << "12 waits for 10 and 11";
  EXPECT_EQ(dealer.next(), std::nullopt);
  EXPECT_FALSE(dealer.all_given());
  dealer.done(3);
  dealer.done(0);
  EXPECT_EQ(dealer.next(), 4U);
  EXPECT_EQ(dealer.next(), std::nullopt);
  dealer.done(1);
  EXPECT_EQ(dealer.next(), 2U);
  EXPECT_TRUE(dealer.all_given());
}

TEST(Dealer, OneThatClosesAnEmptyGroupWaitsForNobody) {
  const std::vector<WorkItem> items{{5, 3, true}, {6, 4, false}};
  Dealer dealer(items);
  EXPECT_EQ(dealer.next(), 0U);
  EXPECT_EQ(dealer.next(), 1U);
  EXPECT_TRUE(dealer.all_given());
}

TEST(Dealer, WorkFollowsSpeed) {
  // Two workers, one five times as fast: items of the same size end within one item of the slow one.
  std::vector<WorkItem> items;
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t s = 0; s <= 8; ++s) items.push_back({items.size(), p, s == 8});
  }
  Dealer dealer(items);
  const double seconds[2] = {1.0, 5.0};
  double free_at[2] = {0.0, 0.0};
  std::size_t share[2] = {0, 0};
  while (!dealer.all_given()) {
    const int w = free_at[0] <= free_at[1] ? 0 : 1;
    const auto i = dealer.next();
    ASSERT_TRUE(i);
    free_at[w] += items[*i].closes ? 0.01 : seconds[w];
    share[w] += !items[*i].closes;
    dealer.done(*i);
  }
  EXPECT_EQ(share[0] + share[1], 32U);
  EXPECT_GE(share[0], 26U);
  EXPECT_LE(std::max(free_at[0], free_at[1]), 32.0 / 1.2 + 5.0);
}

}  // namespace
}  // namespace equal::job
