#include "equal/transport/marginal.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

namespace equal::transport {
namespace {

linalg::Matrix<float> random_units(std::size_t n, std::size_t dim, std::uint64_t seed) {
  RandomStream r(seed, "units");
  linalg::Matrix<float> out(n, dim);
  for (std::size_t i = 0; i < n; ++i) {
    double norm = 0;
    for (float& x : out.row(i)) {
      x = static_cast<float>(r.normal());
      norm += double{x} * double{x};
    }
    for (float& x : out.row(i)) x = static_cast<float>(x / std::sqrt(norm));
  }
  return out;
}

linalg::Matrix<float> rows(std::initializer_list<std::initializer_list<float>> values) {
  linalg::Matrix<float> out(values.size(), values.begin()->size());
  std::size_t i = 0;
  for (const auto& row : values) {
    std::copy(row.begin(), row.end(), out.row(i++).begin());
  }
  return out;
}

// Two guide items at cosine 0.6: t = 0.6 x 0.6 = 0.36.
const linalg::Matrix<float> kGuide = rows({{1, 0, 0}, {0.6F, 0.8F, 0}});

TEST(Marginal, ThresholdIsAShareOfTheMedianNeighbourCosine) {
  EXPECT_NEAR(MarginalReward(kGuide.view(), {}).threshold(), 0.36, 1e-7);
  const auto lone = rows({{1, 0}});
  EXPECT_EQ(MarginalReward(lone.view(), {}).threshold(), 0.5);
}

/// (1, dim): a pair at cosine c to the first guide item, nearer to it than to the second.
linalg::Matrix<float> at_cosine(double c) {
  return rows({{static_cast<float>(c), 0, static_cast<float>(std::sqrt(1 - c * c))}});
}

TEST(Marginal, AGuideThatAsksForTooMuchIsMetWhereTheBestTenthOfTheFirstPairsLies) {
  MarginalReward reward(kGuide.view(), {});
  for (int i = 0; i < 63; ++i) EXPECT_EQ(reward.credit(at_cosine(0.002 * (i + 1)).view()).total, 0.0);
  EXPECT_NEAR(reward.threshold(), 0.36, 1e-7) << "63 pairs do not settle it";
  reward.credit(at_cosine(0.128).view());
  EXPECT_NEAR(reward.threshold(), 0.002 * 58, 1e-6) << "six of 64 lie above";
  EXPECT_NEAR(reward.credit(at_cosine(0.3).view()).total, (0.3 - 0.116) / (1 - 0.116), 1e-6);
  for (int i = 0; i < 200; ++i) reward.credit(at_cosine(0.001).view());
  EXPECT_NEAR(reward.threshold(), 0.116, 1e-6) << "once settled it stays";
}

TEST(Marginal, AThresholdThatATenthOfThePairsPassStays) {
  MarginalReward reward(kGuide.view(), {});
  for (int i = 0; i < 200; ++i) reward.credit(at_cosine(i % 8 == 0 ? 0.9 : 0.01).view());
  EXPECT_NEAR(reward.threshold(), 0.36, 1e-7);
}

TEST(Marginal, CreditIsComputedByHand) {
  MarginalReward reward(kGuide.view(), {});
  const auto pairs = rows({{0.8F, 0, 0.6F}, {0, 0, 1}, {0.6F, 0.8F, 0}});
  const auto c = reward.credit(pairs.view());
  EXPECT_NEAR(c.pairs[0], (0.8 - 0.36) / 0.64, 1e-6);
  EXPECT_EQ(c.pairs[1], 0.0);  // orthogonal to the guide
  EXPECT_NEAR(c.pairs[2], 1.0, 1e-6);
  EXPECT_EQ(c.items, (std::vector<std::uint32_t>{0, MarginalReward::kNoItem, 1}));
  EXPECT_NEAR(c.total, std::hypot(c.pairs[0], c.pairs[2]), 1e-12);
  EXPECT_EQ(reward.served()[0], 1U);
  EXPECT_EQ(reward.served()[1], 1U);
}

TEST(Marginal, AFullItemSendsPairsToTheNextAndThenToNobody) {
  MarginalParams params{.cap = 1.0, .budget_documents = 2, .duplicate_cosine = 2.0};  // one unit an item
  MarginalReward reward(kGuide.view(), params);
  const auto pair = rows({{1, 0, 0}});
  EXPECT_NEAR(reward.credit(pair.view()).total, 1.0, 1e-6);
  EXPECT_NEAR(reward.credit(pair.view()).total, (0.6 - 0.36) / 0.64, 1e-6);
  EXPECT_EQ(reward.credit(pair.view()).total, 0.0);
  EXPECT_EQ(reward.unserved()[0], 0.0);
  EXPECT_EQ(reward.unserved()[1], 0.0);
}

TEST(Marginal, NearDuplicatesShareCredit) {
  MarginalReward reward(kGuide.view(), {});
  const auto pair = rows({{1, 0, 0}});
  EXPECT_NEAR(reward.credit(pair.view()).total, 1.0, 1e-6);
  EXPECT_NEAR(reward.credit(pair.view()).total, 1.0 / 2, 1e-6);
  EXPECT_NEAR(reward.credit(pair.view()).total, 1.0 / 3, 1e-6);
}

TEST(Marginal, ADocumentEarnsTheNormOfItsPairs) {
  const auto pairs = rows({{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}});
  for (const auto& [p, expected] :
       std::vector<std::pair<double, double>>{{1.0, 8.0}, {1.5, 4.0}, {2.0, std::sqrt(8.0)}, {3.0, 2.0}}) {
    MarginalReward reward(kGuide.view(), {.document_norm = p, .duplicate_cosine = 2.0});
    const auto c = reward.credit(pairs.view());
    EXPECT_NEAR(c.total, expected, 1e-6) << p;
    for (const double x : c.pairs) EXPECT_NEAR(x, 1.0, 1e-6);
  }
}

TEST(Marginal, WeightsMoveCapacity) {
  const std::vector<double> weights{3, 1};
  const MarginalReward reward(kGuide.view(), {.cap = 2, .budget_documents = 4}, weights);
  EXPECT_NEAR(reward.unserved()[0], 6.0, 1e-12);
  EXPECT_NEAR(reward.unserved()[1], 2.0, 1e-12);
}

TEST(Marginal, RefusesWeightsGuidesAndNormsThatMakeNoSense) {
  EXPECT_THROW(MarginalReward(kGuide.view(), {.document_norm = 0.5}), UsageError);
  EXPECT_THROW(MarginalReward(kGuide.view(), {}, std::vector<double>{1}), UsageError);
  EXPECT_THROW(MarginalReward(kGuide.view(), {}, std::vector<double>{0, 0}), UsageError);
  EXPECT_THROW(MarginalReward(kGuide.view(), {}, std::vector<double>{1, -1}), UsageError);
  const auto broken = rows({{std::nanf(""), 0}});
  EXPECT_THROW(MarginalReward(broken.view(), {}), DataError);
  EXPECT_THROW(MarginalReward(linalg::Matrix<float>(0, 3).view(), {}), DataError);
}

TEST(Marginal, ServedMassNeverExceedsCapacityAndCreditIsBounded) {
  const auto guide = random_units(20, 8, 1), pairs = random_units(600, 8, 2);
  MarginalReward reward(guide.view(), {.cap = 3, .budget_documents = 50});  // 7.5 units an item
  for (std::size_t first = 0; first < 600; first += 6) {
    const auto c = reward.credit(pairs.view().slice(first, 6));
    EXPECT_LE(c.total, std::sqrt(6.0) + 1e-12);
    for (const double x : c.pairs) EXPECT_TRUE(x >= 0 && x <= 1);
  }
  for (std::size_t j = 0; j < 20; ++j) EXPECT_LE(reward.served()[j], 8U);
}

TEST(Marginal, TheSamePairsEarnTheSameHoweverTheyAreBlocked) {
  const auto guide = random_units(37, 96, 3), pairs = random_units(40, 96, 4);
  const MarginalParams params{.threshold_share = 0.2};
  MarginalReward whole(guide.view(), params), single(guide.view(), params);
  const auto all = whole.credit(pairs.view());
  for (std::size_t p = 0; p < 40; ++p) EXPECT_EQ(single.credit(pairs.view().slice(p, 1)).total, all.pairs[p]) << p;
}

}  // namespace
}  // namespace equal::transport
