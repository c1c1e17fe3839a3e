#include "equal/comm/task_farm.hpp"

#include <algorithm>
#include <numeric>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"

namespace equal::comm {
namespace {

// Tags of the farm's messages.
constexpr int kTask = 1, kResult = 2, kFinish = 3, kQuestion = 4, kAnswer = 5, kSlots = 6, kBroadcast = 7;

// A question that would take more than this through rank 0's link goes down a tree of ranks instead. A tree waits for
// ranks that are busy at each of its levels, so that small questions are better sent one by one.
constexpr std::size_t kMostDirectBytes = std::size_t{4} << 20;

}  // namespace

TaskFarm::TaskFarm(Communicator& comm, TaskWorker* local) : comm_(comm), local_(local) {
  if ((comm.size() == 1) != (local != nullptr))
    throw InternalError("a farm of one rank needs its worker, others must not have one");
  if (local_ != nullptr) {
    slots_ = {local_->slots()};
  } else {
    const auto slots = comm_.gather(ByteWriter().put(std::uint64_t{0}).take(), 0);
    for (std::size_t r = 1; r < slots.size(); ++r) slots_.push_back(ByteReader(slots[r]).get<std::uint64_t>());
  }
  held_.resize(slots_.size());
}

std::size_t TaskFarm::slots() const noexcept { return std::accumulate(slots_.begin(), slots_.end(), std::size_t{0}); }

/// Negative while a worker holds more than it would take now.
std::int64_t TaskFarm::free_slots(std::size_t worker) const {
  return static_cast<std::int64_t>(slots_[worker]) - static_cast<std::int64_t>(held_[worker]);
}

TaskFarm::~TaskFarm() {
  if (!finished_ && local_ == nullptr) {
    for (int r = 1; r < comm_.size(); ++r) comm_.send(r, kFinish, {});
  }
}

void TaskFarm::submit(std::uint64_t task, std::string bytes, int preferred) {
  waiting_.push_back({task, std::move(bytes), preferred});
  dispatch();
}

void TaskFarm::dispatch() {
  while (!waiting_.empty()) {
    Waiting& task = waiting_.front();
    const int first_worker = comm_.worker_rank(0);
    std::size_t worker = static_cast<std::size_t>(std::max(0, task.preferred - first_worker));
    if (worker >= slots_.size() || free_slots(worker) <= 0) {
      worker = 0;
      for (std::size_t w = 1; w < slots_.size(); ++w) {
        if (free_slots(w) > free_slots(worker)) worker = w;
      }
      if (free_slots(worker) <= 0) return;
    }
    ++held_[worker];
    ++in_flight_;
    if (local_ != nullptr) {
      local_->submit(task.task, task.bytes);
    } else {
      comm_.send(comm_.worker_rank(static_cast<int>(worker)), kTask,
                 ByteWriter().put(task.task).put_string(task.bytes).take());
    }
    waiting_.pop_front();
  }
}

void TaskFarm::take(const Message& message) {
  const auto worker = static_cast<std::size_t>(message.source - comm_.worker_rank(0));
  if (message.tag == kSlots) {
    slots_[worker] = ByteReader(message.bytes).get<std::uint64_t>();
    return;
  }
  if (message.tag != kResult)
    throw InternalError("the coordinator of a task farm got a message with tag " + std::to_string(message.tag));
  ByteReader reader(message.bytes);
  const auto task = reader.get<std::uint64_t>();
  ready_.push_back({task, message.source, std::string(reader.get_string())});
  --held_[worker];
  --in_flight_;
}

std::vector<std::string> TaskFarm::ask_all(std::string_view question) {
  if (local_ != nullptr) return {local_->answer(question)};
  std::vector<std::string> answers(slots_.size());
  if (question.size() > kMostDirectBytes / answers.size()) {
    const std::string size = ByteWriter().put(static_cast<std::uint64_t>(question.size())).take();
    for (int r = 1; r < comm_.size(); ++r) comm_.send(r, kBroadcast, size);
    std::string copy(question);
    comm_.broadcast_bytes(std::as_writable_bytes(std::span<char>(copy)), 0);
  } else {
    for (int r = 1; r < comm_.size(); ++r) comm_.send(r, kQuestion, std::string(question));
  }
  for (std::size_t missing = answers.size(); missing > 0;) {
    auto message = comm_.receive_within(1.0);
    if (!message) continue;
    if (message->tag == kAnswer) {
      answers[static_cast<std::size_t>(message->source - comm_.worker_rank(0))] = std::move(message->bytes);
      --missing;
    } else {
      take(*message);
    }
  }
  dispatch();  // results that came meanwhile have freed slots
  return answers;
}

std::optional<TaskResult> TaskFarm::next(double seconds) {
  const double end = comm_.now() + seconds;
  while (ready_.empty()) {
    if (local_ != nullptr) {
      for (TaskResult& result : local_->poll(seconds)) ready_.push_back(std::move(result));
      slots_[0] = local_->slots();
      held_[0] -= ready_.size();
      in_flight_ -= ready_.size();
    } else if (auto message = comm_.receive_within(std::max(0.0, end - comm_.now()))) {
      take(*message);
    }
    dispatch();
    if (local_ != nullptr || comm_.now() >= end) break;  // other messages than results do not end the wait
  }
  if (ready_.empty()) return std::nullopt;
  TaskResult out = std::move(ready_.front());
  ready_.pop_front();
  return out;
}

void TaskFarm::finish() {
  if (unanswered() > 0) throw InternalError("a task farm was closed while tasks were unanswered");
  finished_ = true;
  if (local_ != nullptr) return;
  for (int r = 1; r < comm_.size(); ++r) comm_.send(r, kFinish, {});
}

void serve_tasks(Communicator& comm, TaskWorker& worker) {
  std::size_t announced = worker.slots();
  comm.gather(ByteWriter().put(static_cast<std::uint64_t>(announced)).take(), 0);
  std::size_t held = 0;
  while (true) {
    // With work in hand look for messages without waiting, and let the worker wait for its own events instead.
    while (auto message = held > 0 ? comm.try_receive() : comm.receive_within(1.0)) {
      if (message->tag == kFinish) return;
      if (message->tag == kQuestion) {
        comm.send(0, kAnswer, worker.answer(message->bytes));
        continue;
      }
      if (message->tag == kBroadcast) {
        std::string question(ByteReader(message->bytes).get<std::uint64_t>(), '\0');
        comm.broadcast_bytes(std::as_writable_bytes(std::span<char>(question)), 0);
        comm.send(0, kAnswer, worker.answer(question));
        continue;
      }
      ByteReader reader(message->bytes);
      const auto task = reader.get<std::uint64_t>();
      worker.submit(task, reader.get_string());
      ++held;
    }
    if (held == 0) continue;
    for (TaskResult& result : worker.poll(0.001)) {
      comm.send(0, kResult, ByteWriter().put(result.task).put_string(result.bytes).take());
      --held;
    }
    if (worker.slots() == announced) continue;
    announced = worker.slots();
    comm.send(0, kSlots, ByteWriter().put(static_cast<std::uint64_t>(announced)).take());
  }
}

}  // namespace equal::comm
