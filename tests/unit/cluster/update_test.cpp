#include "update.hpp"

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"
#include "equal/comm/simulation.hpp"
#include "equal/linalg/float16.hpp"

namespace equal::cluster {
namespace {

constexpr std::size_t kClusters = 37, kDim = 5;
constexpr std::uint64_t kRows = 400;

struct Moved {
  std::vector<float16> row;
  std::uint32_t from, to;  ///< cluster in the first step and in the second
};

Moved moved(std::uint64_t row) {
  std::vector<float> x(kDim);
  for (std::size_t i = 0; i < kDim; ++i)
    x[i] = static_cast<float>(static_cast<double>(mix64(row * kDim + i) >> 40U) * 0x1p-25 - 0.25);
  Moved out{std::vector<float16>(kDim), static_cast<std::uint32_t>(mix64(row) % (kClusters - 1)),
            static_cast<std::uint32_t>(mix64(row + kRows) % (kClusters - 1))};  // the last cluster stays empty
  linalg::to_float16(x, out.row);
  return out;
}

struct Steps {
  std::vector<float> first, second;
  IterationTotals totals;
  std::vector<std::int64_t> counts;
  bool operator==(const Steps& o) const {
    return first == o.first && second == o.second && totals.moved == o.totals.moved &&
           totals.objective == o.totals.objective && totals.empty == o.totals.empty && counts == o.counts;
  }
};

std::vector<float> flat(const Centroids& c) { return {c.values.values().begin(), c.values.values().end()}; }

/// Two updates; the rows are dealt out to ranks whose host has a name. What ranks with rows hold after them.
std::vector<Steps> steps_over(const std::vector<std::string>& hosts) {
  std::vector<int> workers;
  for (int rank = 0; rank < static_cast<int>(hosts.size()); ++rank) {
    if (!hosts[static_cast<std::size_t>(rank)].empty()) workers.push_back(rank);
  }
  std::vector<Steps> out(workers.size());
  comm::SimulationParams params;
  params.ranks = static_cast<int>(hosts.size());
  comm::simulate(params, [&](comm::SimulatedRank& rank) {
    ThreadPool pool(1);
    std::vector<Moved> rows;
    const auto me = std::find(workers.begin(), workers.end(), rank.rank());
    for (std::uint64_t row = 0; row < kRows; ++row) {
      if (me != workers.end() && row % workers.size() == static_cast<std::size_t>(me - workers.begin()))
        rows.push_back(moved(row));
    }
    CentroidUpdate update(rank, rows.size(), kClusters, kDim, hosts[static_cast<std::size_t>(rank.rank())]);
    Centroids start(kClusters, kDim), first = start, second = start;
    for (const Moved& r : rows) update.changes().add(r.from, r.row.data(), 1);
    update.hand_over({});
    update.renew(pool, start, first, {});
    IterationTotals mine;
    for (const Moved& r : rows) {
      if (r.from == r.to || r.to % 3 == 0) continue;  // not every cluster changes
      update.changes().add(r.from, r.row.data(), -1);
      update.changes().add(r.to, r.row.data(), 1);
      ++mine.moved;
    }
    update.hand_over({});
    mine = update.renew(pool, first, second, mine);
    if (me != workers.end())
      out[static_cast<std::size_t>(me - workers.begin())] = {
          flat(first), flat(second), mine, {update.counts().begin(), update.counts().end()}};
    else
      EXPECT_EQ(mine.empty, 1U);
    return 0;
  });
  return out;
}

/// Layouts of ranks over hosts; a rank without a host's name has no rows (a coordinator).
class UpdateOver : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(UpdateOver, GivesWhatOneRankGives) {
  const Steps alone = steps_over({"a"}).front();
  EXPECT_EQ(alone.totals.empty, 1U);
  EXPECT_GT(alone.totals.moved, kRows / 2);
  for (const Steps& s : steps_over(GetParam())) EXPECT_TRUE(s == alone);
}

TEST_P(UpdateOver, FailsOnAllRanksWhereOneFails) {
  const auto hosts = GetParam();
  const int culprit = static_cast<int>(hosts.size()) - 1;
  int failed = 0;
  comm::SimulationParams params;
  params.ranks = static_cast<int>(hosts.size());
  comm::simulate(params, [&](comm::SimulatedRank& rank) {
    ThreadPool pool(1);
    const bool has_rows = !hosts[static_cast<std::size_t>(rank.rank())].empty();
    CentroidUpdate update(rank, has_rows ? 1 : 0, kClusters, kDim, hosts[static_cast<std::size_t>(rank.rank())]);
    update.hand_over(rank.rank() == culprit ? std::make_exception_ptr(DataError("a row is no number")) : nullptr);
    Centroids current(kClusters, kDim), next = current;
    EXPECT_THROW(update.renew(pool, current, next, {}), Error) << "rank " << rank.rank();
    ++failed;
    return 0;
  });
  EXPECT_EQ(failed, params.ranks);
}

INSTANTIATE_TEST_SUITE_P(Layouts, UpdateOver,
                         testing::Values(std::vector<std::string>{"a"}, std::vector<std::string>{"", "a", "a"},
                                         std::vector<std::string>{"", "a", "b", "c"},
                                         std::vector<std::string>{"", "a", "a", "b", "b"},
                                         std::vector<std::string>{"", "a", "b", "a", "b", "c"},
                                         std::vector<std::string>{"", "a", "b", "b", "b", "b", "b", "c", "c"}));

}  // namespace
}  // namespace equal::cluster
