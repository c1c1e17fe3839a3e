// How many documents of each cluster the warm-up asks.
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "warmup.hpp"

namespace equal::job {
namespace {

using Counts = std::vector<std::uint64_t>;
const std::vector<float> kSimilarity = {0.1F, 0.5F, 0.3F, 0.7F};

std::uint64_t sum(const Counts& counts) { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

TEST(WarmupSample, WithoutFocusAllClustersAreAlikeAndTheRestGoesToTheMoreSimilar) {
  const Counts sizes = {100, 100, 100, 100};
  EXPECT_EQ(allot_warmup_sample(sizes, kSimilarity, 0.0, 8), (Counts{2, 2, 2, 2}));
  EXPECT_EQ(allot_warmup_sample(sizes, kSimilarity, 0.0, 6), (Counts{1, 2, 1, 2}));
  EXPECT_EQ(allot_warmup_sample(sizes, kSimilarity, 0.0, 1), (Counts{0, 0, 0, 1}));
}

TEST(WarmupSample, SharesGoWithTheExponentialOfStandardisedSimilarity) {
  const Counts out = allot_warmup_sample(Counts(4, 100000), kSimilarity, 1.0, 1000);
  double total = 0;
  std::vector<double> share;
  for (const double z : {-1.3416408, 0.4472136, -0.4472136, 1.3416408}) {
    share.push_back(std::exp(z));
    total += share.back();
  }
  EXPECT_EQ(sum(out), 1000);
  for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(static_cast<double>(out[c]), 1000 * share[c] / total, 1.0);
}

TEST(WarmupSample, ClustersGiveNoMoreThanTheyHoldAndOthersStepIn) {
  const Counts sizes = {50, 1, 0, 3};
  EXPECT_EQ(allot_warmup_sample(sizes, kSimilarity, 3.0, 10), (Counts{6, 1, 0, 3}));
  EXPECT_EQ(allot_warmup_sample(sizes, kSimilarity, 3.0, 1000), sizes);
}

TEST(WarmupSample, EqualSimilaritiesAreNoReasonToDiffer) {
  EXPECT_EQ(allot_warmup_sample(Counts(3, 9), std::vector<float>(3, 0.25F), 5.0, 6), (Counts{2, 2, 2}));
}

}  // namespace
}  // namespace equal::job
