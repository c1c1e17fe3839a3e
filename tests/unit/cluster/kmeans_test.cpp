#include "equal/cluster/kmeans.hpp"

#include <limits>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/cluster/hierarchy.hpp"
#include "equal/cluster/neighbours.hpp"

#include "support/message.hpp"
#include "support/vectors.hpp"

namespace equal::cluster {
namespace {

using test::make_vectors;

using testing::HasSubstr;

KMeansParams with_k(std::uint32_t k) {
  KMeansParams params;
  params.k = k;
  params.tolerance_moved = 0;
  params.tolerance_objective = -1;
  return params;
}

struct World {
  std::unique_ptr<comm::Communicator> comm = comm::make_single();
  ThreadPool pool{2};
  KMeansResult fit(EmbeddingSource& source, const KMeansParams& params, const KMeansCallback& callback = {},
                   const std::optional<KMeansState>& resume = {}) {
    return kmeans(*comm, source, params, pool, callback, resume);
  }
};

TEST(KMeans, ObjectiveNeverRisesAndIsThatOfTheAssignment) {
  World world;
  MemorySource source(make_vectors(2000, 24, 12, 0.6), 24);
  for (const Seeding seeding : {Seeding::random, Seeding::kmeans_parallel, Seeding::kmeans_plus_plus}) {
    KMeansParams params = with_k(20);
    params.seeding = seeding;
    const KMeansResult result = world.fit(source, params);
    ASSERT_GE(result.objective.size(), 3U);
    for (std::size_t i = 1; i < result.objective.size(); ++i) {
      EXPECT_LE(result.objective[i], result.objective[i - 1] + 2000 * 24 * 0x1p-50) << i;
    }
    const Assignment assignment = assign(*world.comm, source, result.centroids, params, world.pool);
    double sum = 0;
    for (const float d : assignment.squared_distance) sum += d;
    EXPECT_NEAR(assignment.stats.objective, sum, 1e-4);
    EXPECT_LE(assignment.stats.objective, result.objective.back() + 1e-9);
    EXPECT_EQ(std::accumulate(result.sizes.begin(), result.sizes.end(), std::uint64_t{0}), 2000U);
  }
}

TEST(KMeans, FindsSeparatedGroups) {
  World world;
  MemorySource source(make_vectors(600, 16, 6, 0.05), 16);
  KMeansParams params = with_k(6);
  params.seeding = Seeding::kmeans_plus_plus;
  const KMeansResult result = world.fit(source, params);
  EXPECT_TRUE(result.converged);
  EXPECT_LT(result.objective.back(), 600 * 0.05 * 0.05 * 2);
  EXPECT_GT(silhouette(*world.comm, source, result.centroids, 100, 1, world.pool), 0.8);
}

TEST(KMeans, BetterSeedingStartsLower) {
  World world;
  MemorySource source(make_vectors(4000, 16, 40, 0.1), 16);
  const auto first_objective = [&](Seeding seeding) {
    double sum = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      KMeansParams params = with_k(40);
      params.seeding = seeding;
      params.seed = seed;
      params.max_iterations = 1;
      sum += world.fit(source, params).objective.front();
    }
    return sum;
  };
  const double random = first_objective(Seeding::random);
  EXPECT_LT(first_objective(Seeding::kmeans_parallel), 0.7 * random);
  EXPECT_LT(first_objective(Seeding::kmeans_plus_plus), 0.7 * random);
}

TEST(KMeans, FewerDistinctVectorsThanClusters) {
  World world;
  auto values = make_vectors(3, 8, 0, 1);
  for (int copy = 0; copy < 4; ++copy) values.insert(values.end(), values.begin(), values.begin() + 24);
  MemorySource source(values, 8);
  for (const Seeding seeding : {Seeding::random, Seeding::kmeans_parallel, Seeding::kmeans_plus_plus}) {
    KMeansParams params = with_k(7);
    params.seeding = seeding;
    const KMeansResult result = world.fit(source, params);
    EXPECT_EQ(result.centroids.rows(), 7U);
    EXPECT_EQ(result.objective.back(), 0.0);
    EXPECT_EQ(std::count_if(result.sizes.begin(), result.sizes.end(), [](auto s) { return s > 0; }), 3);
  }
  const KMeansResult more = world.fit(source, with_k(40));  // more clusters than rows
  EXPECT_EQ(more.centroids.rows(), 40U);
  EXPECT_EQ(more.objective.back(), 0.0);
}

TEST(KMeans, EmptyClustersMoveToTheFarthestRows) {
  World world;
  MemorySource source(make_vectors(500, 8, 5, 0.1), 8);
  KMeansParams params = with_k(5);
  params.start = linalg::Matrix<double>(5, 8);  // all start at the origin: ties go to cluster 0, four are empty
  const KMeansResult result = world.fit(source, params);
  EXPECT_EQ(std::count(result.sizes.begin(), result.sizes.end(), 0U), 0);
  EXPECT_LT(result.objective.back(), 0.5 * result.objective.front());
}

TEST(KMeans, NoRows) {
  World world;
  MemorySource source({}, 8);
  const KMeansResult result = world.fit(source, with_k(5));
  EXPECT_EQ(result.centroids.rows(), 0U);
  EXPECT_EQ(result.rows, 0U);
  EXPECT_EQ(assign(*world.comm, source, result.centroids, with_k(5), world.pool).cluster.size(), 0U);
}

TEST(KMeans, RefusesRowsThatAreNotUnitVectorsByName) {
  World world;
  auto values = make_vectors(300, 8, 0, 1);
  values[217 * 8 + 3] = linalg::to_float16(std::numeric_limits<float>::quiet_NaN());
  MemorySource source(values, 8);
  for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{1} << 30}) {
    KMeansParams params = with_k(4);
    params.memory_bytes = memory;
    params.block_rows = 64;
    try {
      world.fit(source, params);
      FAIL() << "a NaN was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.family(), Family::data);
      EXPECT_THAT(e.what(), HasSubstr("embedding 217"));
      EXPECT_THAT(e.what(), HasSubstr("NaN"));
    }
  }
}

TEST(KMeans, RefusesBadParametersAllAtOnce) {
  World world;
  MemorySource source(make_vectors(10, 8, 0, 1), 8);
  KMeansParams params = with_k(0);
  params.max_iterations = 0;
  try {
    world.fit(source, params);
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("k = 0"));
    EXPECT_THAT(e.what(), HasSubstr("max_iterations"));
  }
}

TEST(KMeans, StopsByTolerance) {
  World world;
  MemorySource source(make_vectors(3000, 16, 0, 1), 16);
  KMeansParams params = with_k(30);
  params.max_iterations = 100;
  const std::size_t exact = world.fit(source, params).objective.size();
  params.tolerance_moved = 0.05;
  const KMeansResult moved = world.fit(source, params);
  EXPECT_LT(moved.objective.size(), exact);
  EXPECT_TRUE(moved.converged);
  params.tolerance_moved = 0;
  params.tolerance_objective = 0.01;
  EXPECT_LT(world.fit(source, params).objective.size(), exact);
}

TEST(KMeans, KeepsTheBestOfSeveralFits) {
  World world;
  MemorySource source(make_vectors(2000, 16, 0, 1), 16);
  KMeansParams params = with_k(25);
  params.max_iterations = 5;
  params.restarts = 4;
  std::vector<double> last;  // objective of each fit
  const KMeansResult result = world.fit(source, params, [&](const KMeansProgress& progress) {
    last.resize(progress.restart + 1);
    last.back() = progress.objective;
    return true;
  });
  ASSERT_EQ(last.size(), 4U);
  const auto [low, high] = std::minmax_element(last.begin(), last.end());
  EXPECT_LT(*low, *high);
  EXPECT_EQ(result.objective.back(), *low);
}

TEST(KMeans, ResumesExactly) {
  World world;
  MemorySource source(make_vectors(2000, 16, 0, 1), 16);
  KMeansParams params = with_k(25);
  params.max_iterations = 8;
  params.restarts = 2;
  const KMeansResult whole = world.fit(source, params);
  for (const std::size_t stop : {1U, 5U, 8U, 11U}) {
    KMeansState saved;
    std::size_t calls = 0;
    world.fit(source, params, [&](const KMeansProgress& progress) {
      saved = progress.state();
      return ++calls < stop;
    });
    const KMeansResult resumed = world.fit(source, params, {}, saved);
    EXPECT_EQ(resumed.objective, whole.objective) << stop;
    EXPECT_EQ(resumed.sizes, whole.sizes) << stop;
    EXPECT_EQ(resumed.converged, whole.converged) << stop;
    EXPECT_TRUE(std::equal(resumed.centroids.values().begin(), resumed.centroids.values().end(),
                           whole.centroids.values().begin()))
        << stop;
  }
}

TEST(KMeans, RefusesStartsThatCannotBe) {
  World world;
  MemorySource source(make_vectors(100, 8, 0, 1), 8);
  KMeansParams params = with_k(4);
  KMeansState saved;
  const auto said = [&] { return test::message_of<UsageError>([&] { world.fit(source, params, {}, saved); }); };
  saved.centroids = linalg::Matrix<double>(5, 8);
  EXPECT_THAT(said(), HasSubstr("the saved state has 5 x 8 centroids, k x dim is 4 x 8; start afresh"));
  saved.centroids = linalg::Matrix<double>(4, 7);
  EXPECT_THAT(said(), HasSubstr("4 x 7"));
  saved.centroids = linalg::Matrix<double>(4, 8);
  saved.centroids(2, 5) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(said(), HasSubstr("centroid 2 has component 5 = nan"));
  saved.centroids(2, 5) = -1.5;
  EXPECT_THAT(said(), HasSubstr("centroid 2 has component 5 = -1.5"));
  for (std::size_t i = 0; i < 8; ++i) saved.centroids(2, i) = 0.9;
  EXPECT_THAT(said(), HasSubstr("centroid 2 has |c|^2 = 6.4"));
}

TEST(KMeans, SampleDoesNotDependOnStreaming) {
  World world;
  MemorySource source(make_vectors(5000, 16, 20, 0.5), 16);
  KMeansParams params = with_k(20);
  params.fit_sample = 1000;
  const KMeansResult cached = world.fit(source, params);
  EXPECT_EQ(cached.rows, 1000U);
  params.memory_bytes = 0;
  params.block_rows = 333;
  const KMeansResult streamed = world.fit(source, params);
  EXPECT_EQ(cached.objective, streamed.objective);
}

TEST(Assign, StatisticsMatchAPlainComputation) {
  World world;
  const std::size_t dim = 12, n = 400;
  const auto values = make_vectors(n, dim, 5, 0.5);
  MemorySource source(values, dim);
  const KMeansParams params = with_k(5);
  const KMeansResult result = world.fit(source, params);
  const Assignment out = assign(*world.comm, source, result.centroids, params, world.pool);
  for (std::size_t j = 0; j < 5; ++j) {
    std::vector<double> sum(dim), square(dim);
    double count = 0, radius = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (out.cluster[i] != j) continue;
      double distance = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double x = linalg::to_float32(values[i * dim + d]);
        sum[d] += x, square[d] += x * x;
        distance += (x - result.centroids(j, d)) * (x - result.centroids(j, d));
      }
      EXPECT_NEAR(out.squared_distance[i], distance, 1e-6);
      count += 1, radius = std::max(radius, std::sqrt(distance));
    }
    EXPECT_EQ(static_cast<double>(out.stats.sizes[j]), count);
    EXPECT_NEAR(out.stats.radius[j], radius, 1e-12);
    for (std::size_t d = 0; d < dim; ++d) {
      EXPECT_NEAR(out.stats.mean(j, d), sum[d] / count, 1e-12);
      EXPECT_NEAR(out.stats.variance(j, d), square[d] / count - sum[d] / count * sum[d] / count, 1e-8);  // 2^-30 a row
    }
  }
}

TEST(Hierarchy, LosesLittleOfTheObjective) {
  World world;
  MemorySource source(make_vectors(6000, 24, 60, 0.4), 24);
  KMeansParams params = with_k(60);
  const double flat =
      assign(*world.comm, source, world.fit(source, params).centroids, params, world.pool).stats.objective;
  const Hierarchy hierarchy = kmeans_hierarchy(*world.comm, source, params, 8, world.pool);
  EXPECT_EQ(hierarchy.leaves.rows(), 60U);
  EXPECT_EQ(hierarchy.start.size(), 9U);
  const Assignment tree = assign_hierarchy(*world.comm, source, hierarchy, params, world.pool);
  const Assignment best = assign(*world.comm, source, hierarchy.leaves, params, world.pool);
  EXPECT_LE(best.stats.objective, tree.stats.objective);
  EXPECT_LT(tree.stats.objective, 1.15 * flat);
  EXPECT_THROW(kmeans_hierarchy(*world.comm, source, params, 61, world.pool), UsageError);
}

TEST(Hierarchy, NoRowsAndFewRows) {
  World world;
  MemorySource none({}, 8), few(make_vectors(5, 8, 0, 1), 8);
  EXPECT_EQ(kmeans_hierarchy(*world.comm, none, with_k(9), 3, world.pool).leaves.rows(), 0U);
  const Hierarchy hierarchy = kmeans_hierarchy(*world.comm, few, with_k(9), 3, world.pool);
  EXPECT_EQ(hierarchy.leaves.rows(), 5U);
  EXPECT_EQ(assign_hierarchy(*world.comm, few, hierarchy, with_k(9), world.pool).stats.objective, 0.0);
}

TEST(Neighbours, FollowTheReleasedRule) {
  ThreadPool pool(2);
  ClusterStats stats;
  stats.sizes = {3, 4, 5, 0};
  stats.mean = linalg::Matrix<double>(4, 2);
  stats.variance = linalg::Matrix<double>(4, 2);
  stats.mean(1, 0) = 0.3;       // 0.09 from cluster 0 by means
  stats.variance(1, 1) = 0.01;  // and 0.1^2 by deviations
  stats.mean(2, 1) = 1.0;
  const NeighbourGraph graph = neighbour_graph(stats, 0.2, pool);
  EXPECT_EQ(graph.start, (std::vector<std::uint64_t>{0, 1, 2, 2, 2}));
  EXPECT_EQ(graph.to, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_NEAR(graph.distance[0], 0.1, 1e-15);
  EXPECT_TRUE(neighbour_graph(stats, 0.1 - 1e-9, pool).to.empty());
}

}  // namespace
}  // namespace equal::cluster
