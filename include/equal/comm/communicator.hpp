// A group of ranks. Three forms: MPI, one process, and simulated ranks (simulation.hpp). Carries bytes and arithmetic
// spans only, no method types.
//
// Collective functions must be entered by all ranks in the same order. All waits test and sleep (at most 1 ms), so a
// waiting rank leaves its core to others. Buffers may be of any size: they are split below Open MPI's `int` counts
// here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace equal::comm {

/// A point-to-point message.
struct Message {
  int source = 0;
  int tag = 0;
  std::string bytes;
};

/// What a rank has waited for others and for the network so far, sending aside.
struct Waits {
  double seconds = 0;
  double cpu_seconds = 0;   ///< used while waiting: tests for arrival, and MPI's own copying
  std::uint64_t bytes = 0;  ///< that passed in collectives and received messages
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const noexcept = 0;  ///< Local. 0 .. size()-1
  virtual int size() const noexcept = 0;  ///< Local.
  bool is_root() const noexcept { return rank() == 0; }

  /// Ranks that own partitions and do the work: all but rank 0, or rank 0 when it is alone. Local.
  int workers() const noexcept { return size() == 1 ? 1 : size() - 1; }
  /// This rank's place among the workers, or nothing on a coordinator that is not alone. Local.
  std::optional<int> worker_index() const noexcept {
    if (size() == 1) return 0;
    return rank() == 0 ? std::nullopt : std::optional<int>(rank() - 1);
  }
  /// The rank of worker `index`. Local.
  int worker_rank(int index) const noexcept { return size() == 1 ? 0 : index + 1; }

  /// Local. Names what this rank does from now on, for messages about failures (a crash included).
  void enter_stage(std::string stage);
  std::string stage() const;                              ///< Local, any thread.
  std::string where() const;                              ///< Local. "rank 2 on host n1, stage embed"
  const Waits& waits() const noexcept { return waits_; }  ///< Local, the communicating thread.

  virtual void barrier() = 0;                                               ///< Collective.
  virtual void broadcast_bytes(std::span<std::byte> buffer, int root) = 0;  ///< Collective; equal sizes on all ranks.
  virtual void sum(std::span<std::int64_t> values) = 0;   ///< Collective; exact, in place on all ranks.
  virtual void sum(std::span<std::uint64_t> values) = 0;  ///< Collective; exact, in place on all ranks.
  virtual void sum(std::span<double> values) = 0;  ///< Collective; order of the additions depends on the rank count.
  virtual void sum(std::span<float> values) = 0;   ///< Collective; order of the additions depends on the rank count.
  virtual void max(std::span<std::uint64_t> values) = 0;  ///< Collective.
  virtual void min(std::span<std::uint64_t> values) = 0;  ///< Collective.
  /// Collective. Every rank's bytes, in rank order, on every rank.
  virtual std::vector<std::string> all_gather(std::string_view bytes) = 0;
  /// Collective. Every rank's bytes, in rank order, on `root`; empty elsewhere.
  virtual std::vector<std::string> gather(std::string_view bytes, int root) = 0;
  /// Collective. out[r] = what rank r put in its to_each[rank()]. REQUIRES: to_each.size() == size().
  virtual std::vector<std::string> all_to_all(std::vector<std::string> to_each) = 0;

  /// Local. Queues bytes for `destination` (not itself); returns at once, the copy lives until it is delivered.
  virtual void send(int destination, int tag, std::string bytes) = 0;
  /// Local. The next message that has arrived whole, or nothing. Messages of one source arrive in order.
  virtual std::optional<Message> try_receive() = 0;
  /// Local. As try_receive(), but waits for a message until the time is over.
  virtual std::optional<Message> receive_within(double seconds);

  /// Local. Seconds on this rank's steady clock, which is what receive_within() waits by.
  virtual double now() const;

  /// Ends all ranks of the job with `exit_code` after logging `reason`. Local; does not return.
  [[noreturn]] virtual void abort(int exit_code, const std::string& reason) noexcept = 0;

  virtual std::string description() const = 0;  ///< Local. "Open MPI 4.1.4, 3 ranks" or "one process"

 protected:
  Waits waits_;

 private:
  mutable std::mutex stage_lock_;
  std::string stage_;
};

/// The one-process form. Local.
std::unique_ptr<Communicator> make_single();

/// Starts MPI (FUNNELED), runs body(world), and finalises; returns body's exit code. When body throws on one rank the
/// job is aborted with that error's exit code (MPI_Finalize is never called while an exception unwinds). Without a
/// launcher in the environment no MPI is started and body gets the one-process form.
int with_mpi(int& argc, char**& argv, const std::function<int(Communicator&)>& body);

/// Collective. Runs f on every rank; if it throws anywhere, every rank throws: the culprit its own error, the others an
/// error of the same family that names the culprit's rank and message (the lowest failing rank wins).
void agree(Communicator& comm, const std::function<void()>& f);

// Typed conveniences over the virtual functions above.

/// Collective. Trivially copyable value of `root`, on all ranks.
template <class T>
requires std::is_trivially_copyable_v<T> T broadcast(Communicator& comm, T value, int root = 0) {
  comm.broadcast_bytes(std::as_writable_bytes(std::span<T>(&value, 1)), root);
  return value;
}
/// Collective. The string of `root`, on all ranks.
std::string broadcast_string(Communicator& comm, std::string text, int root = 0);
/// Collective. The vector of `root`, on all ranks.
template <class T>
requires std::is_trivially_copyable_v<T>
void broadcast_vector(Communicator& comm, std::vector<T>& values, int root = 0) {
  const auto n = broadcast(comm, static_cast<std::uint64_t>(values.size()), root);
  values.resize(n);
  comm.broadcast_bytes(std::as_writable_bytes(std::span<T>(values)), root);
}
/// Collective. Sum over ranks of one number.
template <class T>
T sum_one(Communicator& comm, T value) {
  comm.sum(std::span<T>(&value, 1));
  return value;
}

}  // namespace equal::comm
