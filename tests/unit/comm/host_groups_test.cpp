#include "equal/comm/host_groups.hpp"

#include <set>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"
#include "equal/comm/simulation.hpp"

namespace equal::comm {
namespace {

/// What rank r contributes: of another length each, some nothing.
std::string part(int rank) {
  return std::string(static_cast<std::size_t>(rank * 7 % 5) * 100, static_cast<char>('a' + rank));
}

class HostGroupsOver : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(HostGroupsOver, GatherWhatTheCommunicatorGathers) {
  const auto names = GetParam();
  SimulationParams params;
  params.ranks = static_cast<int>(names.size());
  simulate(params, [&](SimulatedRank& rank) {
    const HostGroups groups(rank, names[static_cast<std::size_t>(rank.rank())]);
    EXPECT_EQ(groups.hosts(), static_cast<int>(std::set(names.begin(), names.end()).size()));
    const auto expected = rank.all_gather(part(rank.rank()));
    EXPECT_EQ(groups.all_gather(rank, part(rank.rank())), expected) << "rank " << rank.rank();
    for (const std::size_t n : {std::size_t{5}, HostGroups::kSmallTable + 3, 3 * HostGroups::kSmallTable}) {
      std::vector<std::int64_t> values(n), sums(n);
      for (std::size_t i = 0; i < n; ++i)
        values[i] = static_cast<std::int64_t>(mix64(i * 64 + static_cast<std::size_t>(rank.rank())) >> 8U) -
                    (std::int64_t{1} << 55);
      sums = values;
      rank.sum(std::span(sums));
      groups.sum(rank, values, 2 * HostGroups::kSmallTable);
      EXPECT_TRUE(values == sums) << n << " values, rank " << rank.rank();
    }
    for (int r = 0; r < rank.size(); ++r) {
      EXPECT_EQ(groups.delegate(groups.host_of(r), r), r);
      for (int host = 0; host < groups.hosts(); ++host) EXPECT_EQ(groups.host_of(groups.delegate(host, r)), host);
    }
    return 0;
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, HostGroupsOver,
                         testing::Values(std::vector<std::string>{"a"}, std::vector<std::string>{"a", "a", "a"},
                                         std::vector<std::string>{"a", "b", "c"},
                                         std::vector<std::string>{"a", "a", "b", "b"},
                                         std::vector<std::string>{"a", "b", "a", "b", "c"},
                                         std::vector<std::string>{"a", "b", "b", "b", "b", "b", "c", "c"}));

TEST(HostGroups, AreUsefulWhereHostsHaveSeveralRanks) {
  const auto useful = [](std::vector<std::string> names) {
    SimulationParams params;
    params.ranks = static_cast<int>(names.size());
    bool out = false;
    simulate(params, [&](SimulatedRank& rank) {
      out = HostGroups(rank, names[static_cast<std::size_t>(rank.rank())]).useful();
      return 0;
    });
    return out;
  };
  EXPECT_FALSE(useful({"a", "a"}));
  EXPECT_FALSE(useful({"a", "b"}));
  EXPECT_TRUE(useful({"a", "b", "b"}));
}

}  // namespace
}  // namespace equal::comm
