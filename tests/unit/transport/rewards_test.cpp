#include "equal/transport/rewards.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

#include "problems.hpp"

namespace equal::transport {
namespace {

using test::unit_vectors;

TEST(TransportReward, FormulasWithEachSolver) {
  RandomStream r(1, "rewards");
  const auto guide = unit_vectors(r, 12, 8), pairs = unit_vectors(r, 9, 8);
  for (const CostKind kind : {CostKind::euclidean, CostKind::cosine}) {
    const double exact = emd(cost_matrix(pairs.view(), guide.view(), kind).view()).value;
    for (const Solver solver : {Solver::emd, Solver::sinkhorn, Solver::ipot}) {
      TransportRewardParams params{.cost = kind, .solver = solver};
      params.sinkhorn.epsilon = 0.02;
      const TransportReward reward(guide.view(), params);
      const double tolerance = solver == Solver::emd ? 1e-15 : 0.02;
      EXPECT_NEAR(reward.distance(pairs.view()), exact, tolerance) << solver_name(solver);
      EXPECT_DOUBLE_EQ(reward.batch(pairs.view()), 1.0 - reward.distance(pairs.view()) - 0.12);
      EXPECT_DOUBLE_EQ(reward.union_of(pairs.view()), 1.0 - reward.distance(pairs.view()));
    }
  }
}

TEST(TransportReward, TheGuideItselfIsBestAndNoPairsAreWorst) {
  RandomStream r(2, "rewards");
  const auto guide = unit_vectors(r, 12, 8), pairs = unit_vectors(r, 12, 8);
  const TransportReward reward(guide.view(), {});
  EXPECT_EQ(reward.union_of(guide.view()), 1.0);
  EXPECT_EQ(reward.union_of({nullptr, 0, 8}), 1.0 - kWorstCost);
  EXPECT_GT(reward.union_of(pairs.view()), 1.0 - kWorstCost);
}

TEST(TransportReward, SameBitsForAnyNumberOfThreads) {
  RandomStream r(3, "rewards");
  const auto guide = unit_vectors(r, 30, 16), all = unit_vectors(r, 200, 16);
  std::vector<linalg::MatrixView<const float>> arms;
  for (std::size_t first = 0, count = 0; first + count <= 200; first += count, count = (count + 3) % 17)
    arms.push_back(all.view().slice(first, count));
  for (const Solver solver : {Solver::emd, Solver::sinkhorn, Solver::ipot}) {
    const TransportReward reward(guide.view(), {.solver = solver});
    ThreadPool one(1), three(3);
    const auto expected = reward.distances(arms, one);
    EXPECT_EQ(reward.distances(arms, three), expected);
    for (std::size_t i = 0; i < arms.size(); ++i) EXPECT_EQ(reward.distance(arms[i]), expected[i]);
  }
}

TEST(TransportReward, RefusesWhatItCannotCompare) {
  linalg::Matrix<float> guide(3, 4, 0.5F);
  EXPECT_THROW(TransportReward({nullptr, 0, 4}, {}), DataError);
  const TransportReward reward(guide.view(), {});
  linalg::Matrix<float> pairs(2, 4, 0.5F), other(2, 5, 0.4F);
  EXPECT_THROW(reward.distance(other.view()), InternalError);
  pairs(1, 3) = std::numeric_limits<float>::quiet_NaN();
  try {
    reward.distance(pairs.view());
    FAIL() << "a NaN went through";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "transport: pairs(1, 3) = nan is not finite");
  }
  RandomStream r(4, "rewards");
  const TransportReward hasty(unit_vectors(r, 40, 8).view(), {.emd = {.max_pivots = 1}});
  EXPECT_THROW(hasty.distance(unit_vectors(r, 30, 8).view()), InternalError);
  EXPECT_EQ(solver_by_name("ipot"), Solver::ipot);
  EXPECT_THROW(solver_by_name("simplex"), UsageError);
}

}  // namespace
}  // namespace equal::transport
