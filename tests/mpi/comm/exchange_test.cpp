#include "equal/comm/exchange.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace equal::comm {
namespace {

using test::world;

std::vector<int> all_but(std::initializer_list<int> left_out) {
  std::vector<int> out;
  for (int rank = 0; rank < world().size(); ++rank) {
    if (std::find(left_out.begin(), left_out.end(), rank) == left_out.end()) out.push_back(rank);
  }
  return out;
}

std::string text(int from, int to, int round) {
  return std::to_string(from) + ">" + std::to_string(to) + std::string(static_cast<std::size_t>(round) * 9, '.');
}

TEST(Exchange, RoundsKeepTheirOrderAndLongMessagesTravelInParts) {
  Exchange exchange(world(), 7);  // bytes of a part
  const auto others = all_but({world().rank()});
  for (int round = 0; round < 6; ++round) {
    std::vector<Exchange::Outgoing> messages;
    for (const int to : others) messages.push_back({to, round == 3 ? "" : text(world().rank(), to, round)});
    const auto got = exchange.round(std::move(messages), others);
    EXPECT_EQ(got.size(), others.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i], round == 3 ? "" : text(others[i], world().rank(), round)) << "round " << round;
    }
  }
  world().barrier();
}

// Workers go through rounds of their own while rank 0 waits for them elsewhere; what it was sent, it takes later.
TEST(Exchange, OthersNeedNotBeThere) {
  constexpr int kRounds = 5;
  Exchange exchange(world());
  if (world().is_root()) {
    world().barrier();
    for (int round = 0; round < kRounds; ++round) {
      const auto got = exchange.round({}, all_but({0}));
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], text(static_cast<int>(i) + 1, 0, round));
    }
    return;
  }
  const auto others = all_but({0, world().rank()});
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Exchange::Outgoing> messages{{0, text(world().rank(), 0, round)}};
    for (const int to : others) messages.push_back({to, std::string(300'000, static_cast<char>('a' + round))});
    for (const std::string& got : exchange.round(std::move(messages), others)) {
      EXPECT_EQ(got, std::string(300'000, static_cast<char>('a' + round)));
    }
  }
  world().barrier();
}

}  // namespace
}  // namespace equal::comm
