// A byte-level task farm: rank 0 hands out tasks, workers hold several at once and report each when it is done.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "equal/comm/communicator.hpp"

namespace equal::comm {

struct TaskResult {
  std::uint64_t task = 0;
  int rank = 0;
  std::string bytes;
};

/// What a worker rank does with tasks. Lives on one thread; may overlap tasks (hundreds of HTTP requests in flight).
class TaskWorker {
 public:
  virtual ~TaskWorker() = default;
  /// Tasks it can hold at once, >= 1. May change while it polls; what it holds beyond a lower number it keeps.
  virtual std::size_t slots() const = 0;
  /// REQUIRES: fewer are held than slots() said when that was last asked (after a poll).
  virtual void submit(std::uint64_t task, std::string_view bytes) = 0;
  /// Results that have become ready. May block up to `wait_seconds` while tasks are held.
  virtual std::vector<TaskResult> poll(double wait_seconds) = 0;
  /// Answers a question of the coordinator at once, whatever tasks are held.
  virtual std::string answer(std::string_view question) = 0;
};

/// The coordinator's side (rank 0). With one rank it drives `local` itself; otherwise serve_tasks() runs on the others.
class TaskFarm {
 public:
  /// Collective with serve_tasks(): exchanges slot counts. REQUIRES: local != nullptr exactly when comm.size() == 1.
  TaskFarm(Communicator& comm, TaskWorker* local);
  ~TaskFarm();
  TaskFarm(const TaskFarm&) = delete;
  TaskFarm& operator=(const TaskFarm&) = delete;

  std::size_t slots() const noexcept;                            ///< over all workers, as they last said
  std::size_t in_flight() const noexcept { return in_flight_; }  ///< held by workers
  std::size_t unanswered() const noexcept { return waiting_.size() + in_flight_; }
  double now() const { return comm_.now(); }  ///< the communicator's clock, which next() waits by

  /// Queues a task. It goes to `preferred` (a rank) while that has a free slot, else to the least loaded worker. Tasks
  /// leave in the order of submission.
  void submit(std::uint64_t task, std::string bytes, int preferred);

  /// Asks every worker the same question and waits for all answers, in worker order. Results that arrive meanwhile are
  /// kept for next().
  std::vector<std::string> ask_all(std::string_view question);

  /// The next result, or nothing after `seconds`. Order: arrival.
  std::optional<TaskResult> next(double seconds);

  /// Tells the workers to leave serve_tasks(). REQUIRES: in-flight tasks have been received. Called by the destructor
  /// too.
  void finish();

 private:
  struct Waiting {
    std::uint64_t task;
    std::string bytes;
    int preferred;
  };
  void dispatch();
  void take(const Message& message);
  std::int64_t free_slots(std::size_t worker) const;
  Communicator& comm_;
  TaskWorker* local_;
  std::vector<std::size_t> slots_, held_;  // by worker index
  std::size_t in_flight_ = 0;
  std::deque<Waiting> waiting_;
  std::deque<TaskResult> ready_;
  bool finished_ = false;
};

/// The workers' side: runs until the coordinator finishes. An exception of `worker` aborts the job naming rank and
/// cause.
void serve_tasks(Communicator& comm, TaskWorker& worker);

}  // namespace equal::comm
