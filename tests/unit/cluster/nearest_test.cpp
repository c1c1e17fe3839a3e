#include "nearest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "bounds_kernels.hpp"
#include "support/vectors.hpp"

namespace equal::cluster {
namespace {

using test::make_vectors;

Centroids centroids_from(const std::vector<float16>& rows, std::size_t dim) {
  Centroids out(rows.size() / dim, dim);
  std::vector<float> row(dim);
  for (std::size_t j = 0; j < out.k(); ++j) {
    linalg::to_float32({rows.data() + j * dim, dim}, row);
    out.set(j, row);
  }
  return out;
}

/// Integers throughout: nothing in common with the code under test.
std::uint32_t nearest_by_integers(const float16* row, const Centroids& centroids) {
  int128 best = 0;
  std::uint32_t winner = kNoCluster;
  for (std::uint32_t j = 0; j < centroids.k(); ++j) {
    int128 score = 0;
    for (std::size_t i = 0; i < centroids.dim(); ++i) {
      const auto x = static_cast<std::int64_t>(linalg::to_float32(row[i]) * 0x1p24F);
      const auto c = static_cast<std::int64_t>(centroids.values(j, i) * 0x1p24F);
      score += static_cast<int128>(c) * c - 2 * static_cast<int128>(c) * x;
    }
    if (winner == kNoCluster || score < best) best = score, winner = j;
  }
  return winner;
}

struct Case {
  std::string name;
  std::vector<float16> rows, centres;
  std::size_t dim;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  out.push_back({"one centroid", make_vectors(40, 5, 0, 1), make_vectors(1, 5, 0, 1, 2), 5});
  out.push_back({"sphere", make_vectors(300, 64, 0, 1), make_vectors(100, 64, 0, 1, 2), 64});
  out.push_back({"groups", make_vectors(300, 70, 9, 0.3), make_vectors(45, 70, 9, 0.3), 70});
  out.push_back({"long", make_vectors(60, 384, 0, 1), make_vectors(70, 384, 0, 1, 3), 384});
  // Ties: every centroid twice.
  auto twice = make_vectors(33, 20, 0, 1, 4);
  const auto copy = twice;
  twice.insert(twice.end(), copy.begin(), copy.end());
  out.push_back({"ties", make_vectors(200, 20, 0, 1), twice, 20});
  // Adversarial: centroids that differ in the last bit of one component, rows near their midplane.
  auto close = make_vectors(1, 96, 0, 1, 5);
  for (std::size_t j = 1; j < 64; ++j) {
    close.insert(close.end(), close.begin(), close.begin() + 96);
    close[j * 96 + j] = static_cast<float16>(close[j * 96 + j] ^ 1U);
  }
  auto near = close;
  for (std::size_t i = 0; i < near.size(); i += 7) near[i] = static_cast<float16>(near[i] ^ 1U);
  out.push_back({"last bits", near, close, 96});
  // Zero rows, zero centroid, rows opposite to everything (distance 2), subnormal components.
  std::vector<float16> odd(6 * 8), centres(3 * 8);
  odd[8] = 0x3c00, odd[16] = 0xbc00, odd[24] = 0x0001, odd[25] = 0x8001, odd[33] = 0x3c00, odd[40] = 0x03ff;
  centres[8] = 0x3c00, centres[17] = 0x0001;
  out.push_back({"odd", odd, centres, 8});
  return out;
}

TEST(Nearest, EqualsIntegerArithmeticForEveryScreen) {
  for (const Case& c : cases()) {
    const Centroids centroids = centroids_from(c.centres, c.dim);
    const std::size_t n = c.rows.size() / c.dim;
    for (const Kernel kernel : {Kernel::blas, Kernel::onednn, Kernel::automatic}) {
      ThreadPool pool(2);
      Nearest nearest(kernel, c.dim, 1);
      nearest.set(centroids, true, pool);
      std::vector<std::uint32_t> found(n), guess(n);
      std::vector<double> distance(n);
      nearest.find(c.rows.data(), n, Known::nothing, found.data(), distance.data(), 0);
      for (std::size_t i = 0; i < n; ++i) guess[i] = static_cast<std::uint32_t>(i % centroids.k());
      nearest.find(c.rows.data(), n, Known::cluster, guess.data(), nullptr, 0);
      EXPECT_EQ(guess, found) << c.name << ", " << nearest.screen_name();
      for (std::size_t i = 0; i < n; ++i) {
        const float16* row = c.rows.data() + i * c.dim;
        ASSERT_EQ(found[i], nearest_by_integers(row, centroids))
            << c.name << ", row " << i << ", " << nearest.screen_name();
        double expected = 0;
        for (std::size_t d = 0; d < c.dim; ++d) {
          const double x = linalg::to_float32(row[d]) - centroids.values(found[i], d);
          expected += x * x;
        }
        EXPECT_NEAR(distance[i], expected, 1e-6);
      }
    }
  }
}

TEST(Nearest, BoundsNeverChangeTheResult) {
  const std::size_t n = 700, dim = 48, k = 150;
  const auto rows = make_vectors(n, dim, 40, 0.5);
  ThreadPool pool(2);
  for (const Kernel kernel : {Kernel::blas, Kernel::onednn, Kernel::automatic}) {
    Nearest bounded(kernel, dim, 1), plain(kernel, dim, 1);
    Centroids centroids = centroids_from(make_vectors(k, dim, 40, 0.5, 2), dim);
    bounded.set(centroids, true, pool);
    Bounds bounds(n, bounded.groups());
    std::vector<std::uint32_t> with(n, kNoCluster), without(n);
    RandomStream random(9, "drift");
    double saved = 0;
    for (int step = 0; step < 25; ++step) {
      Centroids next = centroids;
      // Small steps, now and then a leap; every fifth step stands still for most.
      for (std::size_t j = 0; j < k; ++j) {
        std::vector<float> c(centroids.values.row(j).begin(), centroids.values.row(j).end());
        if (step > 0 && (step % 5 != 0 || j % 10 == 0)) {
          const double size = random.below(60) == 0 ? 0.2 : 0.004;
          for (float& v : c)
            v = static_cast<float>(std::nearbyint(std::clamp(v + size * (random.uniform() - 0.5), -0.9, 0.9) * 0x1p24) *
                                   0x1p-24);
        }
        next.set(j, c);
      }
      bounded.set(next, step == 0, pool);
      plain.set(next, true, pool);
      bounded.find(rows.data(), n, step == 0 ? Known::cluster : Known::bounds, with.data(), nullptr, 0, &bounds);
      plain.find(rows.data(), n, Known::nothing, without.data(), nullptr, 0);
      ASSERT_EQ(with, without) << "step " << step;
      const NearestStats stats = bounded.take_stats();
      if (step > 0) saved += 1 - static_cast<double>(stats.computed) / static_cast<double>(stats.possible);
      centroids = next;
    }
    EXPECT_GT(saved / 24, 0.3);  // or the bounds would be of no use
  }
}

TEST(Screen, ErrorsStayBelowTheirBounds) {
  ThreadPool pool(2);
  for (const Case& c : cases()) {
    const Centroids centroids = centroids_from(c.centres, c.dim);
    const Groups groups = make_groups(centroids);
    std::vector<std::uint32_t> which(std::min<std::size_t>(60, c.rows.size() / c.dim));
    for (std::uint32_t i = 0; i < which.size(); ++i) which[i] = i;
    for (const Kernel kernel : {Kernel::blas, Kernel::onednn, Kernel::automatic}) {
      const auto screen = make_screen(kernel, c.dim);
      screen->set(centroids, groups, pool);
      const auto worker = screen->make_worker();
      worker->load(c.rows.data(), which);
      std::vector<float> scores(which.size() * groups.member.size()), some(which.size() * kLanes);
      worker->score_all(scores.data());
      std::vector<std::uint16_t> slots;
      for (std::size_t i = which.size(); i-- > 0;) slots.push_back(static_cast<std::uint16_t>(i));
      for (std::size_t g = 0; g < groups.count(); ++g) {
        worker->score_some(g, slots, some.data());
        for (std::size_t i = 0; i < which.size(); ++i) {
          const double error =
              static_cast<double>(worker->errors().noise[i]) * static_cast<double>(screen->errors().length[g]) +
              static_cast<double>(worker->errors().length[i]) * static_cast<double>(screen->errors().noise[g]) +
              static_cast<double>(kScoreSlack);
          for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const std::uint32_t j = groups.member[g * kLanes + lane];
            const float full = scores[i * groups.member.size() + g * kLanes + lane];
            const float list = some[(which.size() - 1 - i) * kLanes + lane];
            if (j == kNoCluster) {
              EXPECT_EQ(full, std::numeric_limits<float>::infinity());
              EXPECT_EQ(list, std::numeric_limits<float>::infinity());
              continue;
            }
            const float16* x = c.rows.data() + i * c.dim;
            const double exact = centroids.norm2[j] - 2 * exact_dot(x, centroids.values.row(j).data(), c.dim);
            EXPECT_LE(std::abs(static_cast<double>(full) - exact), error) << c.name << ", " << screen->name();
            EXPECT_LE(std::abs(static_cast<double>(list) - exact), error) << c.name << ", " << screen->name();
          }
        }
      }
    }
  }
}

TEST(Groups, HoldEveryCentroidOnceAndNearOnesTogether) {
  const std::size_t dim = 16, k = 173;
  const auto centroids = centroids_from(make_vectors(k, dim, 11, 0.05), dim);
  const Groups groups = make_groups(centroids);
  EXPECT_EQ(groups.count(), (k + 15) / 16);
  std::vector<int> seen(k);
  for (const std::uint32_t j : groups.member) {
    if (j != kNoCluster) ++seen[j];
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(k));
  for (std::uint32_t j = 0; j < k; ++j) EXPECT_EQ(groups.member[groups.place[j]], j);
  double inside = 0, anywhere = 0;
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      double d = 0;
      for (std::size_t c = 0; c < dim; ++c) d += std::pow(centroids.values(i, c) - centroids.values(j, c), 2);
      anywhere += d / (k * (k - 1) / 2.0);
      if (groups.place[i] / 16 == groups.place[j] / 16) inside += d / (k * 15 / 2.0);
    }
  }
  EXPECT_LT(inside, 0.7 * anywhere);
}

TEST(BoundsKernels, MatchPlainLoops) {
  RandomStream random(4, "kernels");
  const std::size_t n = 96;
  std::vector<std::uint16_t> lower(n), drift(n), expected(n);
  for (std::size_t i = 0; i < n; ++i) {
    lower[i] = static_cast<std::uint16_t>(random());
    drift[i] = static_cast<std::uint16_t>(random() % 40000);
    expected[i] = static_cast<std::uint16_t>(lower[i] > drift[i] ? lower[i] - drift[i] : 0);
  }
  const std::uint16_t least = *std::min_element(expected.begin(), expected.end());
  auto copy = lower;
  EXPECT_TRUE(take_drift(copy.data(), drift.data(), least, n));
  EXPECT_EQ(copy, expected);
  std::vector<std::uint32_t> words(3, ~0U);
  const auto count = find_needed(expected.data(), 20000, 70, words.data());
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const bool needed = i < 70 && expected[i] <= 20000;
    wanted += needed;
    EXPECT_EQ((words[i / 32] >> (i % 32)) & 1U, needed) << i;
  }
  EXPECT_EQ(count, wanted);
  std::vector<float> scores(39 * 16), minima(39);
  for (float& s : scores) s = static_cast<float>(random.uniform());
  lane_minima(scores.data(), 39, minima.data());
  for (std::size_t p = 0; p < 39; ++p)
    EXPECT_EQ(minima[p], *std::min_element(&scores[p * 16], &scores[p * 16] + 16)) << p;
  std::vector<std::uint16_t> bounds(39);
  for (float& m : minima) m = m * 5 - 1.5F;
  minima[3] = std::numeric_limits<float>::infinity();
  to_lower_bounds(minima.data(), 1.0F, 39, bounds.data());
  for (std::size_t p = 0; p < 39; ++p) {
    const double distance = std::sqrt(std::max(0.0, 1.0 + static_cast<double>(minima[p])));
    EXPECT_NEAR(bounds[p], std::min(65535.0, std::floor(distance * 0x1p15)), 1.0) << p;
  }
}

}  // namespace
}  // namespace equal::cluster
