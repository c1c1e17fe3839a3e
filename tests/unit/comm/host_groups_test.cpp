#include "equal/comm/host_groups.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace equal::comm {
namespace {

HostGroups of(std::vector<std::string> names) { return HostGroups(names); }

TEST(HostGroups, KeepTheOrderOfRanks) {
  const HostGroups g = of({"b", "a", "b", "c", "a"});
  EXPECT_EQ(g.hosts(), 3U);
  EXPECT_EQ(g.members(0), (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(g.members(1), (std::vector<std::size_t>{1, 4}));
  EXPECT_EQ(g.host_of(3), 2U);
}

TEST(HostGroups, AreUsefulWhereHostsHaveSeveralRanks) {
  EXPECT_FALSE(of({}).useful());
  EXPECT_FALSE(of({"a", "a"}).useful());
  EXPECT_FALSE(of({"a", "b"}).useful());
  EXPECT_TRUE(of({"a", "b", "b"}).useful());
}

TEST(HostGroups, ShareDelegatesOut) {
  std::vector<std::string> names;
  for (int rank = 0; rank < 12; ++rank) names.push_back(rank < 4 ? "a" : "b");
  const HostGroups g(names);
  std::vector<int> stands_for(12);
  for (std::size_t rank = 0; rank < 12; ++rank) {
    EXPECT_EQ(g.delegate(g.host_of(rank), rank), rank);
    for (std::size_t host = 0; host < 2; ++host) {
      EXPECT_EQ(g.host_of(g.delegate(host, rank)), host);
      if (host != g.host_of(rank)) ++stands_for[g.delegate(host, rank)];
    }
  }
  EXPECT_EQ(*std::max_element(stands_for.begin(), stands_for.begin() + 4), 2);  // eight others over four ranks
  EXPECT_LE(*std::max_element(stands_for.begin() + 4, stands_for.end()), 1);
}

}  // namespace
}  // namespace equal::comm
