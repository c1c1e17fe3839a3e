// What the ranks of a simulation share: whose turn it is, messages under way, collectives.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "equal/comm/simulation.hpp"

namespace equal::comm {

/// A rank's part in a collective: all ranks must agree on the first three.
struct CollectiveCall {
  const char* name = "";
  std::size_t bytes = 0;  ///< where all ranks must give as many; else 0
  int root = 0;
  void* data = nullptr;  ///< what the function that ends the collective works on
};

class SimulatedWorld {
 public:
  explicit SimulatedWorld(const SimulationParams& params);

  /// Waits for the rank's first turn, runs f, and hands the turn on. Called on the rank's thread; once for each rank.
  void take_part(int rank, const std::function<void()>& f);
  /// Ends the simulation with this error; the first one stands.
  void fail(std::exception_ptr error);
  void rethrow() const;

  // By the rank whose turn it is.
  double now(int rank);
  void send(int rank, int destination, int tag, std::string bytes);
  std::optional<Message> try_receive(int rank);
  std::optional<Message> receive_within(int rank, double seconds);
  void wait_until(int rank, double time);
  /// Gets the data of all ranks, in rank order; runs on the rank that comes last, and returns the seconds that the
  /// collective takes from there.
  using Finish = std::function<double(const std::vector<void*>&)>;
  void collective(int rank, CollectiveCall call, const Finish& finish);

  /// Seconds of a collective in which `bytes` pass each rank's link, `rounds` times down or up a tree.
  double tree_seconds(double bytes, int rounds) const;
  int size() const noexcept { return static_cast<int>(ranks_.size()); }
  RankUsage usage(int rank);
  // When all have ended.
  const RankUsage& whole_usage(int rank) const { return at(rank).usage; }
  double clock(int rank) const { return at(rank).clock; }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  struct Arriving {
    double time;
    Message message;
  };
  enum class State { ready, waits, in_collective, ended };
  struct Rank {
    double clock = 0;       ///< virtual
    double wake = 0;        ///< when it goes on, while it is not its turn
    double code_since = 0;  ///< processor time of its thread when its code went on
    State state = State::ready;
    std::condition_variable turn;
    std::deque<Arriving> inbox;  ///< in the order of arrival
    double link_out_free = 0, link_in_free = 0;
    std::uint64_t waiting_bytes = 0;
    CollectiveCall call;
    RankUsage usage;
  };
  struct Ended {};  ///< thrown in the other ranks when one has failed

  Rank& at(int rank) { return *ranks_[static_cast<std::size_t>(rank)]; }
  const Rank& at(int rank) const { return *ranks_[static_cast<std::size_t>(rank)]; }
  void charge(Rank& r) const;  ///< adds what its code took since then
  void look(int rank);         ///< brings clock and usage up to date
  void enter(std::unique_lock<std::mutex>& lock, int rank);
  void give_way(std::unique_lock<std::mutex>& lock, int rank, double wake, State state);
  void pass_turn(std::unique_lock<std::mutex>& lock);
  void set_wake(int rank, double wake);
  void wait_for_message(std::unique_lock<std::mutex>& lock, int rank, double end);
  std::optional<Message> take_message(Rank& r);
  std::string who_waits() const;

  SimulationParams params_;
  std::vector<std::unique_ptr<Rank>> ranks_;
  std::mutex mutex_;
  std::set<std::pair<double, int>> wakes_;  ///< (time, rank) of all that will go on by themselves
  int running_ = -1;                        ///< whose turn it is; -1: nobody's
  int in_collective_ = 0;
  std::uint64_t timeouts_ = 0;  ///< waits in a row that ended with nothing
  std::exception_ptr error_;
};

}  // namespace equal::comm
