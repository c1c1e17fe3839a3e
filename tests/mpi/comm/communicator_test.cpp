#include <numeric>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"

#include "support/world.hpp"

namespace equal::comm {
namespace {

using test::world;

TEST(Communicator, WorkersAreAllButTheCoordinatorUnlessItIsAlone) {
  EXPECT_EQ(world().workers(), world().size() == 1 ? 1 : world().size() - 1);
  if (world().size() > 1 && world().is_root()) {
    EXPECT_FALSE(world().worker_index().has_value());
  } else {
    EXPECT_EQ(world().worker_rank(world().worker_index().value()), world().rank());
  }
}

TEST(Communicator, SumsAreExactInPlaceOnAllRanks) {
  std::vector<std::int64_t> v(1000);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::int64_t>(i) * (world().rank() + 1);
  world().sum(std::span<std::int64_t>(v));
  const std::int64_t factor = world().size() * (world().size() + 1) / 2;
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_EQ(v[i], static_cast<std::int64_t>(i) * factor);
}

TEST(Communicator, BroadcastFromEachRoot) {
  for (int root = 0; root < world().size(); ++root) {
    EXPECT_EQ(broadcast_string(world(), "from " + std::to_string(world().rank()), root),
              "from " + std::to_string(root));
    std::vector<double> v(static_cast<std::size_t>(world().rank()), 1.0 * world().rank());
    broadcast_vector(world(), v, root);
    EXPECT_EQ(v, std::vector<double>(static_cast<std::size_t>(root), 1.0 * root));
  }
}

TEST(Communicator, GatherKeepsRankOrderAndEmptyParts) {
  const std::string mine(static_cast<std::size_t>(world().rank()) * 10, static_cast<char>('a' + world().rank()));
  const auto all = world().all_gather(mine);
  ASSERT_EQ(all.size(), static_cast<std::size_t>(world().size()));
  for (std::size_t r = 0; r < all.size(); ++r) EXPECT_EQ(all[r], std::string(r * 10, static_cast<char>('a' + r)));
  const int root = world().size() - 1;
  const auto at_root = world().gather(mine, root);
  EXPECT_EQ(at_root, world().rank() == root ? all : std::vector<std::string>{});
}

TEST(Communicator, AllToAllDeliversEachBuffer) {
  std::vector<std::string> out;
  for (int r = 0; r < world().size(); ++r)
    out.push_back(std::to_string(world().rank()) + ">" + std::to_string(r) +
                  std::string(static_cast<std::size_t>(r), '.'));
  const auto in = world().all_to_all(out);
  for (int r = 0; r < world().size(); ++r) {
    EXPECT_EQ(in[static_cast<std::size_t>(r)], std::to_string(r) + ">" + std::to_string(world().rank()) +
                                                   std::string(static_cast<std::size_t>(world().rank()), '.'));
  }
}

TEST(Communicator, MessagesOfOneSourceArriveInOrder) {
  constexpr int kEach = 50;
  if (!world().is_root()) {
    for (int i = 0; i < kEach; ++i) world().send(0, 7, std::to_string(i));
  } else {
    std::vector<int> next(static_cast<std::size_t>(world().size()), 0);
    for (int i = 0; i < kEach * (world().size() - 1); ++i) {
      const auto m = world().receive_within(30.0);
      if (!m) {
        ADD_FAILURE() << "message " << i << " did not arrive within 30 s";
        break;
      }
      EXPECT_EQ(m->tag, 7);
      EXPECT_EQ(m->bytes, std::to_string(next[static_cast<std::size_t>(m->source)]++));
    }
  }
  world().barrier();
}

TEST(Communicator, AgreeThrowsEverywhereAndNamesTheLowestCulprit) {
  const int culprit = world().size() / 2;
  std::string message;
  try {
    agree(world(), [&] {
      if (world().rank() >= culprit) throw DataError("bad file " + std::to_string(world().rank()));
    });
  } catch (const Error& e) {
    EXPECT_EQ(e.family(), Family::data);
    message = e.what();
  }
  const std::string expected = "bad file " + std::to_string(culprit);
  if (world().rank() == culprit) {
    EXPECT_EQ(message, expected);
  } else {
    EXPECT_EQ(message, format("rank {} on host {}, stage start failed: {}", culprit, host_name(), expected));
  }
  EXPECT_NO_THROW(agree(world(), [] {}));
}

}  // namespace
}  // namespace equal::comm
