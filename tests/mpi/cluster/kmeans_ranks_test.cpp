// The same bits on any number of ranks and threads: every configuration is compared with one process and one thread.
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/cluster/hierarchy.hpp"
#include "equal/cluster/kmeans.hpp"
#include "equal/cluster/neighbours.hpp"

#include "support/vectors.hpp"
#include "support/world.hpp"

namespace equal::cluster {
namespace {

using linalg::float16;
using test::world;

constexpr std::size_t kDim = 40, kRows = 1500;

KMeansParams small() {
  KMeansParams params;
  params.k = 37;
  params.max_iterations = 12;
  params.tolerance_moved = 0;
  params.tolerance_objective = -1;
  return params;
}

// Workers own uneven ranges; the first of several owns none.
MemorySource my_part(const std::vector<float16>& all, std::size_t dim) {
  const auto n = all.size() / dim;
  const auto index = world().worker_index();
  if (!index) return MemorySource({}, dim);
  const auto w = static_cast<std::size_t>(world().workers()), i = static_cast<std::size_t>(*index);
  const std::size_t from = n * i * i / (w * w), to = n * (i + 1) * (i + 1) / (w * w);
  const auto at = [&](std::size_t row) { return all.begin() + static_cast<std::ptrdiff_t>(row * dim); };
  return MemorySource(std::vector<float16>(at(from), at(to)), dim, from);
}

struct Outcome {
  std::string digest;
  double silhouette = 0;
  bool operator==(const Outcome&) const = default;
};

// SHA-256 over centroids, objective, cluster of every row, statistics; on all ranks.
Outcome outcome(comm::Communicator& comm, EmbeddingSource& source, const KMeansParams& params, std::size_t threads) {
  ThreadPool pool(threads);
  const KMeansResult result = kmeans(comm, source, params, pool);
  const Assignment assignment = assign(comm, source, result.centroids, params, pool);
  Sha256 sha;
  sha.update(std::as_bytes(result.centroids.values())).update(std::as_bytes(std::span(result.objective)));
  sha.update(std::as_bytes(std::span(assignment.stats.radius)))
      .update(std::as_bytes(assignment.stats.variance.values()));
  const auto* bytes = reinterpret_cast<const char*>(assignment.cluster.data());
  for (const auto& part : comm.all_gather({bytes, assignment.cluster.size() * 4})) sha.update(part);
  return {sha.hex(), silhouette(comm, source, result.centroids, 200, 5, pool)};
}

Outcome expected(const std::vector<float16>& all, std::size_t dim, KMeansParams params) {
  params.kernel = Kernel::blas;
  params.mode = Mode::dense;
  MemorySource source(all, dim);
  const auto single = comm::make_single();
  return outcome(*single, source, params, 1);
}

TEST(KMeansRanks, BitsDoNotDependOnRanksThreadsKernelOrMode) {
  const auto all = test::make_vectors(kRows, kDim, 30, 0.7);
  MemorySource part = my_part(all, kDim);
  KMeansParams params = small();
  const Outcome reference = expected(all, kDim, params);
  params.block_rows = 256;
  for (const std::size_t threads : {1U, 2U}) {
    for (const Kernel kernel : {Kernel::blas, Kernel::onednn, Kernel::lowprec}) {
      for (const Mode mode : {Mode::dense, Mode::bounded}) {
        for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{1} << 28}) {
          params.kernel = kernel;
          params.mode = mode;
          params.memory_bytes = memory;
          EXPECT_EQ(outcome(world(), part, params, threads), reference)
              << threads << " threads, kernel " << static_cast<int>(kernel) << ", mode " << static_cast<int>(mode);
        }
      }
    }
  }
}

TEST(KMeansRanks, RandomSeedingToo) {
  const auto all = test::make_vectors(kRows, kDim, 30, 0.7);
  MemorySource part = my_part(all, kDim);
  KMeansParams params = small();
  params.seeding = Seeding::random;
  EXPECT_EQ(outcome(world(), part, params, 2), expected(all, kDim, params));
}

TEST(KMeansRanks, SampleRestartsAndPlusPlusToo) {
  const auto all = test::make_vectors(kRows, kDim, 0, 1);
  MemorySource part = my_part(all, kDim);
  KMeansParams params = small();
  params.seeding = Seeding::kmeans_plus_plus;
  params.fit_sample = 600;
  params.restarts = 3;
  EXPECT_EQ(outcome(world(), part, params, 2), expected(all, kDim, params));
}

TEST(KMeansRanks, EmptyClustersDuplicatesAndFewerRowsThanRanks) {
  auto all = test::make_vectors(2, 8, 0, 1);
  KMeansParams params = small();
  params.k = 5;
  {
    MemorySource part = my_part(all, 8);
    EXPECT_EQ(outcome(world(), part, params, 1), expected(all, 8, params));
  }
  for (int copy = 0; copy < 6; ++copy) all.insert(all.end(), all.begin(), all.begin() + 16);
  const auto more = test::make_vectors(100, 8, 3, 0.05);
  all.insert(all.end(), more.begin(), more.end());
  params.k = 9;
  params.start = linalg::Matrix<double>(9, 8);
  MemorySource part = my_part(all, 8);
  EXPECT_EQ(outcome(world(), part, params, 2), expected(all, 8, params));
}

TEST(KMeansRanks, HierarchyToo) {
  const auto all = test::make_vectors(kRows, kDim, 30, 0.7);
  KMeansParams params = small();
  params.max_iterations = 4;
  params.restarts = 2;
  const auto digest = [&](comm::Communicator& comm, EmbeddingSource& source, std::size_t threads) {
    ThreadPool pool(threads);
    const Hierarchy hierarchy = kmeans_hierarchy(comm, source, params, 5, pool);
    const Assignment assignment = assign_hierarchy(comm, source, hierarchy, params, pool);
    return Sha256()
        .update(std::as_bytes(hierarchy.leaves.values()))
        .update(std::as_bytes(std::span(hierarchy.objective)))
        .update(std::as_bytes(assignment.stats.mean.values()))
        .hex();
  };
  MemorySource part = my_part(all, kDim), whole(all, kDim);
  const auto single = comm::make_single();
  const std::string expected_digest = digest(*single, whole, 1);
  EXPECT_EQ(digest(world(), part, 2), expected_digest);
  params.memory_bytes = 20'000;  // a top cluster or two at a time
  EXPECT_EQ(digest(world(), part, 1), expected_digest);
}

TEST(KMeansRanks, NoRowsAnywhere) {
  MemorySource source({}, 8);
  ThreadPool pool(1);
  EXPECT_EQ(kmeans(world(), source, small(), pool).centroids.rows(), 0U);
}

// Ranks without rows learn of centroids only when they are asked for.
TEST(KMeansRanks, TheStateIsThatOfOneProcessOnAllRanks) {
  const auto all = test::make_vectors(kRows, kDim, 30, 0.7);
  const auto states = [&](comm::Communicator& comm, EmbeddingSource& source) {
    ThreadPool pool(1);
    Sha256 sha;
    kmeans(comm, source, small(), pool, [&](const KMeansProgress& progress) {
      if (progress.iteration % 3 != 0) return true;
      const KMeansState& state = progress.state();
      sha.update(std::as_bytes(state.centroids.values())).update(std::as_bytes(std::span(state.objective)));
      return progress.iteration < 9;
    });
    return sha.hex();
  };
  MemorySource part = my_part(all, kDim), whole(all, kDim);
  const auto single = comm::make_single();
  EXPECT_EQ(states(world(), part), states(*single, whole));
}

TEST(KMeansRanks, AnInvalidRowFailsOnAllRanks) {
  auto all = test::make_vectors(100, 8, 0, 1);
  all[70 * 8] = 0x7e00;  // NaN
  MemorySource part = my_part(all, 8);
  KMeansParams params = small();
  params.k = 4;
  ThreadPool pool(1);
  for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{1} << 28}) {
    params.memory_bytes = memory;
    EXPECT_THROW(kmeans(world(), part, params, pool), Error);
  }
  // Seeding does not read the rows first: one rank fails amidst an iteration.
  params.memory_bytes = 0;
  params.start = linalg::Matrix<double>(4, 8, 0.25);
  std::string message;
  try {
    kmeans(world(), part, params, pool);
  } catch (const Error& e) {
    EXPECT_EQ(e.family(), Family::data);
    message = e.what();
  }
  EXPECT_NE(message.find("is not a unit vector"), std::string::npos) << message;
}

}  // namespace
}  // namespace equal::cluster
