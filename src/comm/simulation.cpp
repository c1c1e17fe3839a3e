#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>
#include <system_error>
#include <thread>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "simulated_rank.hpp"
#include "simulated_world.hpp"

namespace equal::comm {
namespace {

// So many waits in a row that end with nothing, and no rank ever sends anything again.
constexpr std::uint64_t kMostTimeouts = 10'000'000;

double thread_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

SimulatedWorld::SimulatedWorld(const SimulationParams& params) : params_(params) {
  if (params.ranks < 1) throw UsageError(format("simulation: {} ranks; must be at least 1", params.ranks));
  if (!(params.network.overhead_seconds > 0) || !(params.network.latency_seconds >= 0) ||
      !(params.network.bytes_per_second > 0))
    throw UsageError("simulation: the network's overhead and bandwidth must be above 0, its latency not below it");
  for (int r = 0; r < params.ranks; ++r) {
    ranks_.push_back(std::make_unique<Rank>());
    wakes_.emplace(0.0, r);
  }
}

void SimulatedWorld::take_part(int rank, const std::function<void()>& f) {
  {
    std::unique_lock lock(mutex_);
    if (running_ < 0) pass_turn(lock);
    at(rank).turn.wait(lock, [&] { return running_ == rank; });
  }
  at(rank).code_since = thread_seconds();
  try {
    if (!error_) f();
  } catch (const Ended&) {
  } catch (...) {
    fail(std::current_exception());
  }
  std::unique_lock lock(mutex_);
  charge(at(rank));
  at(rank).state = State::ended;
  timeouts_ = 0;
  pass_turn(lock);
}

void SimulatedWorld::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  wakes_.clear();
  for (int r = 0; r < size(); ++r) {
    if (r != running_ && at(r).state != State::ended) set_wake(r, 0.0);
  }
}

void SimulatedWorld::rethrow() const {
  if (error_) std::rethrow_exception(error_);
}

void SimulatedWorld::charge(Rank& r) const {
  const double used = thread_seconds() - r.code_since;
  r.usage.compute_seconds += used;
  if (params_.compute == Compute::measured) r.clock += used;
}

void SimulatedWorld::set_wake(int rank, double wake) {
  Rank& r = at(rank);
  wakes_.erase({r.wake, rank});
  r.wake = wake;
  if (wake != kNever) wakes_.emplace(wake, rank);
}

/// The lowest clock goes on.
void SimulatedWorld::pass_turn(std::unique_lock<std::mutex>&) {
  running_ = -1;
  if (wakes_.empty()) return;
  const auto [time, next] = *wakes_.begin();
  wakes_.erase(wakes_.begin());
  at(next).clock = std::max(at(next).clock, time);
  running_ = next;
  at(next).turn.notify_one();
}

/// Ends this rank's turn until `wake`; afterwards its clock stands there, or later where somebody moved it.
void SimulatedWorld::give_way(std::unique_lock<std::mutex>& lock, int rank, double wake, State state) {
  Rank& r = at(rank);
  r.state = state;
  set_wake(rank, wake);
  if (wakes_.empty() && !error_) {
    error_ = std::make_exception_ptr(InternalError("simulation: every rank waits for another: " + who_waits()));
    for (int other = 0; other < size(); ++other) {
      if (at(other).state != State::ended) set_wake(other, r.clock);
    }
  }
  pass_turn(lock);
  r.turn.wait(lock, [&] { return running_ == rank; });
  r.state = State::ready;
  if (error_) throw Ended{};
}

/// Begins every call: the clock takes up what the rank's code did, and ranks whose clocks stand lower go first.
void SimulatedWorld::enter(std::unique_lock<std::mutex>& lock, int rank) {
  if (error_) throw Ended{};
  Rank& r = at(rank);
  charge(r);
  r.clock += params_.network.overhead_seconds;
  if (!wakes_.empty() && *wakes_.begin() < std::pair(r.clock, rank)) give_way(lock, rank, r.clock, State::ready);
}

void SimulatedWorld::look(int rank) {
  const std::lock_guard lock(mutex_);
  charge(at(rank));
  at(rank).code_since = thread_seconds();
}

double SimulatedWorld::now(int rank) {
  look(rank);
  return at(rank).clock;
}

RankUsage SimulatedWorld::usage(int rank) {
  look(rank);
  return at(rank).usage;
}

void SimulatedWorld::send(int rank, int destination, int tag, std::string bytes) {
  std::unique_lock lock(mutex_);
  if (error_) return;  // a destructor may send: it must not throw
  if (destination < 0 || destination >= size() || destination == rank)
    throw InternalError(format("rank {} of {} sent a message to rank {}", rank, size(), destination));
  enter(lock, rank);
  Rank &from = at(rank), &to = at(destination);
  const double wire = static_cast<double>(bytes.size()) / params_.network.bytes_per_second;
  const double depart = std::max(from.clock, from.link_out_free);
  from.link_out_free = depart + wire;
  const double arrive = std::max(depart + params_.network.latency_seconds, to.link_in_free) + wire;
  to.link_in_free = arrive;
  ++from.usage.messages_sent;
  from.usage.bytes_sent += bytes.size();
  to.waiting_bytes += bytes.size();
  to.usage.peak_waiting_bytes = std::max(to.usage.peak_waiting_bytes, to.waiting_bytes);
  to.inbox.push_back({arrive, {rank, tag, std::move(bytes)}});
  const double seen = arrive + params_.network.wake_seconds;
  if (to.state == State::waits && seen < to.wake) set_wake(destination, seen);
  timeouts_ = 0;
  from.code_since = thread_seconds();
}

std::optional<Message> SimulatedWorld::take_message(Rank& r) {
  std::optional<Message> out;
  if (!r.inbox.empty() && r.inbox.front().time <= r.clock) {
    const Message& from = r.inbox.front().message;
    // A copy, as a receive buffer is: it is the receiver's memory.
    out = Message{from.source, from.tag, std::string(from.bytes)};
    r.inbox.pop_front();
    r.waiting_bytes -= out->bytes.size();
    ++r.usage.messages_received;
    r.usage.bytes_received += out->bytes.size();
  }
  r.code_since = thread_seconds();
  return out;
}

void SimulatedWorld::wait_for_message(std::unique_lock<std::mutex>& lock, int rank, double end) {
  enter(lock, rank);
  Rank& r = at(rank);
  const double first = r.inbox.empty() ? kNever : r.inbox.front().time;
  if (first <= r.clock || end <= r.clock) return;
  give_way(lock, rank, std::min(first + params_.network.wake_seconds, end), State::waits);
  if (!r.inbox.empty() && r.inbox.front().time <= r.clock) return;
  if (++timeouts_ > kMostTimeouts)
    throw InternalError("simulation: ranks wait again and again and none sends anything: " + who_waits());
}

std::optional<Message> SimulatedWorld::try_receive(int rank) {
  std::unique_lock lock(mutex_);
  enter(lock, rank);
  return take_message(at(rank));
}

std::optional<Message> SimulatedWorld::receive_within(int rank, double seconds) {
  std::unique_lock lock(mutex_);
  wait_for_message(lock, rank, at(rank).clock + seconds);
  return take_message(at(rank));
}

void SimulatedWorld::wait_until(int rank, double time) {
  std::unique_lock lock(mutex_);
  wait_for_message(lock, rank, time);
  at(rank).code_since = thread_seconds();
}

void SimulatedWorld::collective(int rank, CollectiveCall call, const Finish& finish) {
  std::unique_lock lock(mutex_);
  enter(lock, rank);
  Rank& r = at(rank);
  ++r.usage.collectives;
  timeouts_ = 0;
  for (int other = 0; other < size(); ++other) {
    const CollectiveCall& theirs = at(other).call;
    if (at(other).state != State::in_collective) continue;
    if (std::strcmp(call.name, theirs.name) == 0 && call.bytes == theirs.bytes && call.root == theirs.root) break;
    throw InternalError(
        format("simulation: rank {} entered {} ({} bytes, root {}), rank {} waits in {} ({} bytes, root {})", rank,
               call.name, call.bytes, call.root, other, theirs.name, theirs.bytes, theirs.root));
  }
  r.call = call;
  if (++in_collective_ < size()) {
    give_way(lock, rank, kNever, State::in_collective);
  } else {
    in_collective_ = 0;
    std::vector<void*> data;
    double end = r.clock;
    for (const auto& each : ranks_) {
      data.push_back(each->call.data);
      end = std::max(end, each->clock);
    }
    end += finish(data);
    for (int other = 0; other < size(); ++other) {
      if (other == rank) continue;
      at(other).state = State::ready;
      set_wake(other, end);
    }
    give_way(lock, rank, end, State::ready);
  }
  r.code_since = thread_seconds();
}

double SimulatedWorld::tree_seconds(double bytes, int rounds) const {
  const auto depth = static_cast<double>(std::bit_width(static_cast<unsigned>(size() - 1)));
  return rounds * (depth * (params_.network.latency_seconds + 2 * params_.network.overhead_seconds) +
                   bytes / params_.network.bytes_per_second);
}

std::string SimulatedWorld::who_waits() const {
  std::string out;
  int named = 0;
  for (int r = 0; r < size() && named < 8; ++r) {
    const State state = at(r).state;
    if (state == State::ready) continue;
    out += format("{}rank {} {}", named++ == 0 ? "" : ", ", r,
                  state == State::ended   ? std::string("has ended")
                  : state == State::waits ? std::string("waits for a message")
                                          : std::string("is in ") + at(r).call.name);
  }
  return out;
}

Simulation simulate(const SimulationParams& params, const std::function<int(SimulatedRank&)>& body) {
  SimulatedWorld world(params);
  Simulation out;
  std::vector<std::thread> threads;
  std::exception_ptr no_thread;
  std::mutex start;  // held until all threads exist: a rank that cannot have one must not leave others waiting for it
  {
    const std::lock_guard hold(start);
    try {
      for (int r = 0; r < params.ranks; ++r) {
        threads.emplace_back([&, r] {
          { const std::lock_guard wait(start); }
          if (no_thread) return;
          world.take_part(r, [&] {
            const auto rank = make_simulated_rank(world, r);
            const int code = body(*rank);
            out.exit_code = std::max(out.exit_code, code);
          });
        });
      }
    } catch (const std::system_error& e) {
      no_thread = std::make_exception_ptr(
          EnvironmentError(format("simulation: {} ranks need a thread each, and the system gave {}: {}", params.ranks,
                                  threads.size(), e.what())));
    }
  }
  for (std::thread& t : threads) t.join();
  if (no_thread) std::rethrow_exception(no_thread);
  world.rethrow();
  for (int r = 0; r < params.ranks; ++r) {
    out.seconds = std::max(out.seconds, world.clock(r));
    out.ranks.push_back(world.whole_usage(r));
  }
  return out;
}

}  // namespace equal::comm
