#include "equal/base/thread_pool.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace equal {
namespace {

TEST(ThreadPool, RunsEachIndexOnce) {
  for (const std::size_t threads : {1U, 2U, 5U}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const std::size_t count : {0U, 1U, 3U, 1000U}) {
      std::vector<std::atomic<int>> hits(count);
      pool.run(count, [&](std::size_t i, std::size_t thread) {
        EXPECT_LT(thread, threads);
        ++hits[i];
      });
      for (const auto& h : hits) EXPECT_EQ(h.load(), 1);
    }
  }
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.run(100,
                        [](std::size_t i, std::size_t) {
                          if (i == 17) throw std::runtime_error("17");
                        }),
               std::runtime_error);
  std::atomic<int> n = 0;
  pool.run(10, [&](std::size_t, std::size_t) { ++n; });
  EXPECT_EQ(n.load(), 10);
}

}  // namespace
}  // namespace equal
