// The program's one thread pool. Libraries below it (BLAS, oneDNN) run single-threaded inside its tasks.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace equal {

/// Fixed set of threads; the caller works too, so ThreadPool(1) starts none and runs everything inline.
class ThreadPool {
 public:
  /// threads == 0: as many as this process may run on (its affinity mask), never more than 256.
  explicit ThreadPool(std::size_t threads = 1);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const noexcept;

  /// Calls task(i, thread) for i in [0, count) and returns when all are done; thread is in [0, size()). Tasks are taken
  /// in ascending order by whichever thread is free. The first exception is rethrown here after all have stopped.
  /// Not re-entrant: a task must not call run().
  void run(std::size_t count, const std::function<void(std::size_t index, std::size_t thread)>& task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal
