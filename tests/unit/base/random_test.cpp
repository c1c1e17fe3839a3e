#include "equal/base/random.hpp"

#include <set>

#include <gtest/gtest.h>

namespace equal {
namespace {

TEST(Random, MatchesPublishedSplitMix64) {
  // First output of SplitMix64 from state 0 (Vigna's splitmix64.c): mix64(0 + golden ratio).
  EXPECT_EQ(mix64(0x9e3779b97f4a7c15ULL), 0xe220a8397b1dcdafULL);
}

TEST(Random, EachPartOfTheKeyMatters) {
  const Digest128 d = digest128("x");
  const std::set<std::uint64_t> values = {keyed_hash(1, "draw", d), keyed_hash(2, "draw", d), keyed_hash(1, "seed", d),
                                          keyed_hash(1, "draw", {d.high + 1, d.low}),
                                          keyed_hash(1, "draw", {d.high, d.low + 1})};
  EXPECT_EQ(values.size(), 5U);
  EXPECT_EQ(keyed_hash(1, "draw", d), keyed_hash(1, "draw", d));
}

TEST(Random, MomentsOfUniformAndNormal) {
  RandomStream r(7, "moments");
  double mean = 0, square = 0, normal = 0, normal_square = 0;
  constexpr int kN = 200000;
  for (int i = 0; i < kN; ++i) {
    const double u = r.uniform(), z = r.normal();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    mean += u / kN, square += u * u / kN, normal += z / kN, normal_square += z * z / kN;
  }
  // Five standard errors of each estimate at n = 200,000.
  EXPECT_NEAR(mean, 0.5, 5 * 0.2887 / 447);
  EXPECT_NEAR(square, 1.0 / 3, 5 * 0.2981 / 447);
  EXPECT_NEAR(normal, 0.0, 5 * 1.0 / 447);
  EXPECT_NEAR(normal_square, 1.0, 5 * 1.414 / 447);
}

TEST(Random, BelowStaysBelowAndReachesAll) {
  RandomStream r(7, "below");
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto x = r.below(10);
    ASSERT_LT(x, 10U);
    seen.insert(x);
  }
  EXPECT_EQ(seen.size(), 10U);
}

}  // namespace
}  // namespace equal
