#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "equal/transport/emd.hpp"

#include "lemon_oracle.hpp"
#include "problems.hpp"

namespace equal::transport {
namespace {

/// Costs are integers below 2^20 and weights multiples of 2^-20, so both sides solve the same problem without rounding.
TEST(EmdAgainstLemon, IntegerProblemsOfAllKinds) {
  RandomStream r(7, "lemon");
  for (int round = 0; round < 60; ++round) {
    const std::size_t n = 1 + r.below(40), m = 1 + r.below(40);
    const std::uint64_t range = round % 3 == 0 ? 3 : 1 << 20;  // a range of 3: ties everywhere
    linalg::Matrix<double> cost(n, m);
    std::vector<std::int64_t> whole(n * m);
    for (std::size_t k = 0; k < whole.size(); ++k) {
      whole[k] = static_cast<std::int64_t>(r.below(range));
      cost.values()[k] = static_cast<double>(whole[k]);
    }
    const auto draw = [&](std::size_t count) {
      std::vector<std::int64_t> out(count, 0);
      for (int unit = 0; unit < 1 << 10; ++unit) out[r.below(count)] += 1 << 10;
      return out;
    };
    const auto supplies = draw(n), demands = draw(m);
    std::vector<double> a(n), b(m);
    std::transform(supplies.begin(), supplies.end(), a.begin(),
                   [](auto x) { return static_cast<double>(x) * 0x1p-20; });
    std::transform(demands.begin(), demands.end(), b.begin(), [](auto x) { return static_cast<double>(x) * 0x1p-20; });

    const EmdResult ours = emd(cost.view(), a, b);
    const auto theirs = static_cast<double>(lemon_transport(whole, supplies, demands)) * 0x1p-20;

    ASSERT_TRUE(ours.optimal);
    EXPECT_NEAR(ours.value, theirs, 1e-12 * std::max(1.0, theirs)) << n << " x " << m << ", costs below " << range;
  }
}

TEST(EmdAgainstLemon, Assignment) {
  RandomStream r(8, "assignment");
  const std::size_t n = 120;
  std::vector<std::int64_t> whole(n * n);
  linalg::Matrix<double> cost(n, n);
  for (std::size_t k = 0; k < whole.size(); ++k) {
    whole[k] = static_cast<std::int64_t>(r.below(1 << 20));
    cost.values()[k] = static_cast<double>(whole[k]);
  }
  const std::vector<std::int64_t> ones(n, 1);
  EXPECT_NEAR(emd(cost.view()).value * static_cast<double>(n), static_cast<double>(lemon_transport(whole, ones, ones)),
              1e-6);
}

}  // namespace
}  // namespace equal::transport
