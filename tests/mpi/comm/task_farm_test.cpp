#include "equal/comm/task_farm.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace equal::comm {
namespace {

/// Answers each task with its bytes reversed, the youngest first, and remembers how many it held at once.
class Reverser final : public TaskWorker {
 public:
  explicit Reverser(std::size_t slots) : slots_(slots) {}
  std::size_t slots() const override { return slots_; }
  void submit(std::uint64_t task, std::string_view bytes) override {
    held_.push_back({task, 0, std::string(bytes.rbegin(), bytes.rend())});
    most_ = std::max(most_, held_.size());
  }
  std::vector<TaskResult> poll(double) override {
    std::vector<TaskResult> out;
    if (!held_.empty()) {
      out.push_back(held_.back());
      held_.pop_back();
    }
    return out;
  }
  std::string answer(std::string_view question) override { return std::string(question) + "!"; }
  std::size_t most() const { return most_; }

 private:
  std::size_t slots_, most_ = 0;
  std::vector<TaskResult> held_;
};

/// Takes one task at first and five once it has answered ten, as a client whose servers come up late.
class Growing final : public TaskWorker {
 public:
  std::size_t slots() const override { return answered_ < 10 ? 1 : 5; }
  void submit(std::uint64_t task, std::string_view) override {
    held_.push_back({task, 0, {}});
    most_ = std::max(most_, held_.size());
  }
  std::vector<TaskResult> poll(double wait_seconds) override {
    // Answers when it is full, or when nothing more comes for a while.
    if (held_.size() < slots() && ++idle_ < 100) {
      std::this_thread::sleep_for(std::chrono::duration<double>(std::min(wait_seconds, 0.001)));
      return {};
    }
    idle_ = 0;
    answered_ += held_.size();
    return std::exchange(held_, {});
  }
  std::string answer(std::string_view) override { return {}; }
  std::size_t most() const { return most_; }

 private:
  std::vector<TaskResult> held_;
  std::size_t answered_ = 0, most_ = 0;
  int idle_ = 0;
};

TEST(TaskFarm, FollowsSlotsThatChange) {
  Growing worker;
  if (test::world().is_root()) {
    const auto workers = static_cast<std::size_t>(test::world().workers());
    TaskFarm farm(test::world(), test::world().size() == 1 ? &worker : nullptr);
    EXPECT_EQ(farm.slots(), workers);
    std::uint64_t task = 0;
    std::size_t answered = 0;
    for (int w = 0; w < static_cast<int>(workers); ++w) {  // ten each, however the machine shares its cores out
      for (int i = 0; i < 10; ++i) {
        farm.submit(task++, {}, test::world().worker_rank(w));
        if (farm.next(30.0)) ++answered;
      }
    }
    EXPECT_EQ(answered, 10 * workers);
    // What a worker says of its slots follows its answer: it may still be under way.
    for (const double end = farm.now() + 30.0; farm.slots() < 5 * workers && farm.now() < end;) farm.next(0.01);
    EXPECT_EQ(farm.slots(), 5 * workers);
    for (int i = 0; i < 200; ++i) farm.submit(task++, {}, -1);
    while (answered < task && farm.next(30.0)) ++answered;
    EXPECT_EQ(answered, task);
    farm.finish();
  } else {
    serve_tasks(test::world(), worker);
  }
  if (test::world().worker_index()) {
    EXPECT_EQ(worker.most(), 5U);
  }
}

TEST(TaskFarm, EveryTaskIsAnsweredOnceAndSlotsAreNeverExceeded) {
  Reverser worker(3);
  constexpr std::uint64_t kTasks = 200;
  if (test::world().is_root()) {
    TaskFarm farm(test::world(), test::world().size() == 1 ? &worker : nullptr);
    EXPECT_EQ(farm.slots(), 3U * static_cast<std::size_t>(test::world().workers()));
    for (std::uint64_t t = 0; t < kTasks; ++t) farm.submit(t, "task " + std::to_string(t), static_cast<int>(t) % 5);
    // Long enough that the first tasks are answered before the question: their slots must be filled again all the same.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    // Questions are answered while tasks are under way, and no result gets lost over them.
    EXPECT_EQ(farm.ask_all("well"),
              std::vector<std::string>(static_cast<std::size_t>(test::world().workers()), "well!"));
    // So large that it is broadcast.
    const std::string long_question(5 << 20, 'q');
    for (const std::string& answer : farm.ask_all(long_question)) EXPECT_EQ(answer, long_question + "!");
    std::set<std::uint64_t> seen;
    while (farm.unanswered() > 0) {
      const auto result = farm.next(30.0);
      if (!result) {
        ADD_FAILURE() << farm.unanswered() << " tasks unanswered after 30 s";
        break;
      }
      const std::string text = "task " + std::to_string(result->task);
      EXPECT_EQ(result->bytes, std::string(text.rbegin(), text.rend()));
      EXPECT_TRUE(seen.insert(result->task).second) << "answered twice: " << result->task;
    }
    EXPECT_EQ(seen.size(), kTasks);
    farm.finish();
  } else {
    serve_tasks(test::world(), worker);
  }
  EXPECT_LE(worker.most(), 3U);
  test::world().barrier();
}

}  // namespace
}  // namespace equal::comm
