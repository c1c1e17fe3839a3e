// The resident set against the formula of MemoryPlan.
#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"
#include "equal/cluster/kmeans.hpp"

namespace equal::cluster {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// Rows that are made when they are read: they take no memory themselves.
class MadeUpSource final : public EmbeddingSource {
 public:
  MadeUpSource(std::uint64_t rows, std::size_t dim) : rows_(rows), dim_(dim) {}
  std::size_t dim() const override { return dim_; }
  std::uint64_t rows() const override { return rows_; }
  void read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) override {
    for (std::size_t i = 0; i < count * dim_; ++i) {  // signs of 1/16: |x|^2 = dim / 256
      out[i] = static_cast<linalg::float16>(0x2c00U | (mix64(first * dim_ + i) & 0x8000U));
    }
  }
  void digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) override {
    for (std::size_t i = 0; i < count; ++i) out[i] = {mix64(first + i), first + i};
  }

 private:
  std::uint64_t rows_;
  std::size_t dim_;
};

/// A line of /proc/self/status in bytes.
double status_bytes(const std::string& name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name + ":", 0) == 0) return 1024 * std::stod(line.substr(name.size() + 1));
  }
  return 0;
}

TEST(Memory, StaysWithinThePlanHoweverManyRows) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep freed memory";
  constexpr std::size_t kDim = 128;
  const auto comm = comm::make_single();
  ThreadPool pool(2);
  KMeansParams params;
  params.k = 300;
  params.max_iterations = 3;
  params.fit_sample = KMeansParams::kAllRows;
  params.tolerance_moved = 0;
  params.seeding = Seeding::kmeans_parallel;
  struct Case {
    std::uint64_t rows, memory;
    bool bounded, cached;
  };
  for (const Case c :
       {Case{60'000, 0, false, false}, Case{60'000, 10 << 20, true, false}, Case{60'000, 1 << 30, true, true}}) {
    params.memory_bytes = c.memory;
    const MemoryPlan plan = plan_memory(params, c.rows, kDim, pool.size());
    EXPECT_EQ(plan.bounded, c.bounded);
    EXPECT_EQ(plan.cache > 0, c.cached);
    MadeUpSource source(c.rows, kDim);
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts again here
    const double before = status_bytes("VmRSS");
    kmeans(*comm, source, params, pool);
    const double used = status_bytes("VmHWM") - before;
    const auto planned = static_cast<double>(plan.total());
    std::printf("planned %.1f MiB, used %.1f MiB\n", planned / (1 << 20), used / (1 << 20));
    EXPECT_LT(used, planned + (4 << 20));  // code pages, the allocator's slack
  }
}

}  // namespace
}  // namespace equal::cluster
