#include "equal/base/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <sched.h>

namespace equal {
namespace {

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

struct ThreadPool::Impl {
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable start, done;
  const std::function<void(std::size_t, std::size_t)>* task = nullptr;
  std::size_t count = 0, busy = 0, generation = 0;
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  bool stop = false;

  void work(std::size_t thread) {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        (*task)(i, thread);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next.store(count);
      }
    }
  }

  void loop(std::size_t thread) {
    std::size_t seen = 0;
    while (true) {
      {
        std::unique_lock lock(mutex);
        start.wait(lock, [&] { return stop || generation != seen; });
        if (stop) return;
        seen = generation;
      }
      work(thread);
      const std::lock_guard lock(mutex);
      if (--busy == 0) done.notify_one();
    }
  }
};

ThreadPool::ThreadPool(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  if (threads == 0) threads = usable_cores();
  threads = std::min<std::size_t>(threads, 256);
  for (std::size_t t = 1; t < threads; ++t) impl_->threads.emplace_back([this, t] { impl_->loop(t); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->start.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

std::size_t ThreadPool::size() const noexcept { return impl_->threads.size() + 1; }

void ThreadPool::run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task) {
  if (count == 0) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->task = &task;
    impl_->count = count;
    impl_->next.store(0);
    impl_->busy = impl_->threads.size();
    impl_->error = nullptr;
    ++impl_->generation;
  }
  impl_->start.notify_all();
  impl_->work(0);
  std::unique_lock lock(impl_->mutex);
  impl_->done.wait(lock, [&] { return impl_->busy == 0; });
  if (impl_->error) std::rethrow_exception(impl_->error);
}

}  // namespace equal
