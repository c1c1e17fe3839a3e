#include "equal/comm/simulation.hpp"

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/comm/task_farm.hpp"

#include "support/message.hpp"

namespace equal::comm {
namespace {

constexpr SimulatedNetwork kSlow{.latency_seconds = 1.0, .overhead_seconds = 1e-9, .bytes_per_second = 100.0};

SimulationParams on(int ranks, SimulatedNetwork network = {}) {
  SimulationParams p;
  p.ranks = ranks;
  p.network = network;
  return p;
}

TEST(Simulation, CollectivesGiveWhatTheyPromise) {
  simulate(on(5), [](SimulatedRank& rank) {
    const int r = rank.rank();
    std::vector<std::int64_t> values{r, 10 * r};
    rank.sum(std::span(values));
    EXPECT_EQ(values, (std::vector<std::int64_t>{10, 100}));
    std::uint64_t most = static_cast<std::uint64_t>(r), least = most + 3;
    rank.max({&most, 1});
    rank.min({&least, 1});
    EXPECT_EQ(most, 4U);
    EXPECT_EQ(least, 3U);
    EXPECT_EQ(broadcast_string(rank, r == 2 ? "from two" : "", 2), "from two");
    const std::string mine(static_cast<std::size_t>(r), 'x');
    EXPECT_EQ(rank.all_gather(mine), (std::vector<std::string>{"", "x", "xx", "xxx", "xxxx"}));
    EXPECT_EQ(rank.gather(mine, 3).size(), r == 3 ? 5U : 0U);
    std::vector<std::string> to_each;
    for (int other = 0; other < 5; ++other) to_each.push_back(std::to_string(r) + ">" + std::to_string(other));
    const auto got = rank.all_to_all(to_each);
    for (int other = 0; other < 5; ++other)
      EXPECT_EQ(got[static_cast<std::size_t>(other)], std::to_string(other) + ">" + std::to_string(r));
    rank.barrier();
    return 0;
  });
}

TEST(Simulation, OneRankIsEnough) {
  const Simulation s = simulate(on(1), [](SimulatedRank& rank) {
    EXPECT_EQ(sum_one(rank, 7.0), 7.0);
    EXPECT_FALSE(rank.receive_within(3.0));
    return 5;
  });
  EXPECT_EQ(s.exit_code, 5);
  EXPECT_NEAR(s.seconds, 3.0, 1e-3);
}

TEST(Simulation, AMessageTakesLatencyAndItsBytes) {
  simulate(on(2, kSlow), [](SimulatedRank& rank) {
    if (rank.rank() == 0) {
      rank.send(1, 7, std::string(300, 'a'));
      rank.send(1, 8, std::string(100, 'b'));
      return 0;
    }
    EXPECT_FALSE(rank.try_receive());
    EXPECT_FALSE(rank.receive_within(3.9));
    auto message = rank.receive_within(10);  // 1 s of latency, 3 s on the wire
    EXPECT_TRUE(message && message->tag == 7 && message->source == 0 && message->bytes == std::string(300, 'a'));
    EXPECT_NEAR(rank.now(), 4.0, 1e-6);
    message = rank.receive_within(10);  // a second later on the same link
    EXPECT_TRUE(message && message->tag == 8);
    EXPECT_NEAR(rank.now(), 5.0, 1e-6);
    return 0;
  });
}

TEST(Simulation, MessagesQueueUpBeforeOneReceiver) {
  const Simulation s = simulate(on(5, kSlow), [](SimulatedRank& rank) {
    if (rank.rank() > 0) {
      rank.send(0, 1, std::string(100, 'x'));
      return 0;
    }
    for (int i = 1; i <= 4; ++i) {
      EXPECT_TRUE(rank.receive_within(100));
      EXPECT_NEAR(rank.now(), 1.0 + i, 1e-6);  // one second of its link each
    }
    return 0;
  });
  EXPECT_EQ(s.ranks[0].messages_received, 4U);
  EXPECT_EQ(s.ranks[0].bytes_received, 400U);
  EXPECT_EQ(s.ranks[0].peak_waiting_bytes, 400U);
  EXPECT_EQ(s.ranks[3].bytes_sent, 100U);
}

TEST(Simulation, WaitingCostsVirtualTimeOnly) {
  const Simulation s = simulate(on(3), [](SimulatedRank& rank) {
    rank.wait_until(3600.0 * rank.rank());
    rank.barrier();
    EXPECT_GE(rank.now(), 7200.0);
    return 0;
  });
  EXPECT_NEAR(s.seconds, 7200.0, 0.01);
  EXPECT_LT(s.ranks[0].compute_seconds, 1.0);
}

TEST(Simulation, AWaitEndsWhenAMessageComes) {
  simulate(on(2), [](SimulatedRank& rank) {
    if (rank.rank() == 0) {
      rank.wait_until(5);
      rank.send(1, 0, "x");
    } else {
      rank.wait_until(1e9);
      EXPECT_NEAR(rank.now(), 5.0, 1e-3);
      EXPECT_TRUE(rank.try_receive());
    }
    return 0;
  });
}

TEST(Simulation, MeasuredCodeMovesTheClock) {
  SimulationParams p = on(2);
  p.compute = Compute::measured;
  const Simulation s = simulate(p, [](SimulatedRank& rank) {
    volatile double x = 0;
    if (rank.rank() == 1) {
      for (int i = 0; i < 20'000'000; ++i) x = x + 1.0;
    }
    rank.barrier();
    EXPECT_GT(rank.now(), 1e-3);  // rank 0 waits for rank 1
    return 0;
  });
  EXPECT_GT(s.ranks[1].compute_seconds, 10 * s.ranks[0].compute_seconds);
  EXPECT_GE(s.seconds, s.ranks[1].compute_seconds);
}

/// Answers after a time that depends on the task.
class Slow final : public TaskWorker {
 public:
  explicit Slow(SimulatedRank& rank) : rank_(rank) {}
  std::size_t slots() const override { return 3; }
  void submit(std::uint64_t task, std::string_view bytes) override {
    held_.push_back({rank_.now() + 0.01 * static_cast<double>(task % 7), {task, 0, std::string(bytes)}});
  }
  std::vector<TaskResult> poll(double) override {
    double first = 1e9;
    for (const auto& h : held_) first = std::min(first, h.first);
    rank_.wait_until(first);
    std::vector<TaskResult> out;
    std::erase_if(held_, [&](const auto& h) {
      if (h.first > rank_.now()) return false;
      out.push_back(h.second);
      return true;
    });
    return out;
  }
  std::string answer(std::string_view question) override {
    return std::string(question) + std::to_string(rank_.rank());
  }

 private:
  SimulatedRank& rank_;
  std::vector<std::pair<double, TaskResult>> held_;
};

/// A task farm over `ranks`: the order in which results came, and the ranks that gave them.
std::vector<std::pair<std::uint64_t, int>> farm_over(int ranks, double* seconds = nullptr) {
  std::vector<std::pair<std::uint64_t, int>> order;
  const Simulation s = simulate(on(ranks), [&](SimulatedRank& rank) {
    Slow worker(rank);
    if (rank.rank() > 0) {
      serve_tasks(rank, worker);
      return 0;
    }
    TaskFarm farm(rank, ranks == 1 ? &worker : nullptr);
    for (std::uint64_t t = 0; t < 100; ++t) farm.submit(t, "bytes", static_cast<int>(t) % ranks);
    while (order.size() < 50) {
      if (const auto result = farm.next(10)) order.emplace_back(result->task, result->rank);
    }
    const auto answers = farm.ask_all("who");
    EXPECT_EQ(answers.size(), static_cast<std::size_t>(rank.workers()));
    EXPECT_EQ(answers.back(), "who" + std::to_string(ranks - 1));
    while (order.size() < 100) {
      if (const auto result = farm.next(10)) order.emplace_back(result->task, result->rank);
    }
    farm.finish();
    return 0;
  });
  if (seconds != nullptr) *seconds = s.seconds;
  return order;
}

TEST(Simulation, TheRealTaskFarmRunsOverIt) {
  for (const int ranks : {1, 2, 4, 300}) {
    double first_time = 0, second_time = 0;
    const auto order = farm_over(ranks, &first_time);
    std::vector<bool> seen(100);
    for (const auto& [task, rank] : order) seen[task] = true;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 100) << ranks;
    EXPECT_EQ(farm_over(ranks, &second_time), order) << "a simulation with free code is the same each time";
    EXPECT_EQ(first_time, second_time);
  }
}

TEST(Simulation, AnErrorEndsAllRanks) {
  try {
    simulate(on(4), [](SimulatedRank& rank) {
      if (rank.rank() == 2) throw DataError("part-00002.h5: damaged");
      if (rank.rank() == 3) return 0;
      while (true) rank.receive_within(1.0);
    });
    FAIL() << "no error came out";
  } catch (const DataError& e) {
    EXPECT_STREQ(e.what(), "part-00002.h5: damaged");
  }
}

TEST(Simulation, AnErrorInACollectiveEndsAllRanksAndTheirFarms) {
  EXPECT_THROW(simulate(on(3),
                        [](SimulatedRank& rank) {
                          Slow worker(rank);
                          if (rank.rank() > 0) {
                            serve_tasks(rank, worker);
                            return 0;
                          }
                          TaskFarm farm(rank, nullptr);  // its destructor sends
                          throw UsageError("stop");
                        }),
               UsageError);
}

std::string message_of(const SimulationParams& p, const std::function<int(SimulatedRank&)>& body) {
  return test::message_of<InternalError>([&] { simulate(p, body); });
}

TEST(Simulation, NamesRanksThatWaitForEachOther) {
  const std::string stuck = message_of(on(3), [](SimulatedRank& rank) {
    if (rank.rank() != 1) rank.barrier();
    return 0;
  });
  EXPECT_NE(stuck.find("rank 0 is in barrier, rank 1 has ended, rank 2 is in barrier"), std::string::npos) << stuck;
}

TEST(Simulation, NamesCollectivesThatDoNotFit) {
  const std::string other = message_of(on(2), [](SimulatedRank& rank) {
    std::int64_t x = 1;
    if (rank.rank() == 0) rank.sum(std::span(&x, 1));
    if (rank.rank() == 1) rank.barrier();
    return 0;
  });
  EXPECT_NE(other.find("rank 1 entered barrier"), std::string::npos) << other;
  const std::string size = message_of(on(2), [](SimulatedRank& rank) {
    std::vector<double> x(static_cast<std::size_t>(rank.rank()) + 1);
    rank.sum(std::span(x));
    return 0;
  });
  EXPECT_NE(size.find("16 bytes"), std::string::npos) << size;
  EXPECT_NE(size.find("8 bytes"), std::string::npos) << size;
}

TEST(Simulation, RefusesWhatItCannotBe) {
  EXPECT_THROW(simulate(on(0), [](SimulatedRank&) { return 0; }), UsageError);
  EXPECT_THROW(simulate(on(2, {.overhead_seconds = 0}), [](SimulatedRank&) { return 0; }), UsageError);
  EXPECT_NE(message_of(on(2),
                       [](SimulatedRank& rank) {
                         rank.send(2, 0, "");
                         return 0;
                       })
                .find("to rank 2"),
            std::string::npos);
}

}  // namespace
}  // namespace equal::comm
