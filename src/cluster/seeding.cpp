#include "seeding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <queue>

#include "equal/base/bytes.hpp"
#include "equal/base/checked.hpp"
#include "equal/base/random.hpp"

namespace equal::cluster {
namespace {

using RowBits = std::vector<float16>;

void put_row(ByteWriter& message, FitRows& rows, std::uint64_t row, RowBits& buffer) {
  rows.read_row(row, buffer);
  message.put_span(std::span<const float16>(buffer));
}

linalg::Matrix<float> to_matrix(const std::vector<RowBits>& rows, std::size_t dim) {
  linalg::Matrix<float> out(rows.size(), dim);
  for (std::size_t i = 0; i < rows.size(); ++i) linalg::to_float32(rows[i], out.row(i));
  return out;
}

Centroids centroids_of(const linalg::Matrix<float>& rows) {
  Centroids out(rows.rows(), rows.columns());
  for (std::size_t j = 0; j < rows.rows(); ++j) out.set(j, rows.row(j));
  return out;
}

/// Uniform in (0, 1], 53 bits.
double unit_from(std::uint64_t hash) { return static_cast<double>((hash >> 11) + 1) * 0x1p-53; }

Centroids seed_random(comm::Communicator& comm, FitRows& rows, std::uint32_t k, std::uint64_t seed) {
  const auto hashes = rows.hashes(seed, "k-means random seed");
  const std::uint64_t limit = smallest_hashes(comm, hashes, k);
  std::vector<KeyedRow> offered;
  for (std::uint64_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] <= limit) offered.push_back({hashes[i], i});
  }
  linalg::Matrix<float> chosen = gather_rows(comm, rows, offered);
  if (chosen.rows() <= k) return centroids_of(chosen);
  Centroids out(k, rows.dim());  // hashes can collide at the limit
  for (std::size_t j = 0; j < k; ++j) out.set(j, chosen.row(j));
  return out;
}

/// Distances of all rows to the nearest centre so far.
class Potentials {
 public:
  Potentials(FitRows& rows, Nearest& nearest, ThreadPool& pool)
      : rows_(rows),
        nearest_(nearest),
        pool_(pool),
        distance_(rows.size(), std::numeric_limits<double>::infinity()),
        centre_(rows.size()) {}

  /// Local. `centres` become number first, first + 1, ...
  void add(const Centroids& centres, std::uint32_t first) {
    if (centres.k() == 0) return;
    nearest_.set(centres, true, pool_);
    std::vector<std::uint32_t> cluster;
    std::vector<double> distance;
    rows_.for_each_block([&](std::uint64_t from, std::size_t count, const float16* block) {
      cluster.resize(count);
      distance.resize(count);
      find_nearest(nearest_, block, count, rows_.dim(), cluster.data(), distance.data(), pool_);
      for (std::size_t i = 0; i < count; ++i) {
        if (distance[i] >= distance_[from + i]) continue;
        distance_[from + i] = distance[i];
        centre_[from + i] = first + cluster[i];
      }
    });
  }

  /// Collective.
  double total(comm::Communicator& comm) const {
    std::int64_t sum = 0;
    for (const double d : distance_) sum += to_fixed(d);
    return static_cast<double>(comm::sum_one(comm, sum)) * kPotentialUnit;
  }

  double distance(std::uint64_t i) const { return distance_[i]; }
  std::uint32_t centre(std::uint64_t i) const { return centre_[i]; }

 private:
  FitRows& rows_;
  Nearest& nearest_;
  ThreadPool& pool_;
  std::vector<double> distance_;
  std::vector<std::uint32_t> centre_;
};

// A draw with probability proportional to weight, without looking at any order: the smallest of independent exponential
// waiting times -ln(u) / weight (Efraimidis, Spirakis 2006).
double waiting_time(std::uint64_t hash, double weight) {
  return weight > 0 ? -std::log(unit_from(hash)) / weight : std::numeric_limits<double>::infinity();
}

Centroids seed_plus_plus(comm::Communicator& comm, FitRows& rows, std::uint32_t k, std::uint64_t seed, Nearest& nearest,
                         ThreadPool& pool) {
  const auto hashes = rows.hashes(seed, "k-means++ seed");
  Potentials potentials(rows, nearest, pool);
  std::vector<RowBits> chosen;
  RowBits buffer(rows.dim());
  while (chosen.size() < k) {
    double best = std::numeric_limits<double>::infinity();
    std::uint64_t best_row = 0, best_hash = 0;
    for (std::uint64_t i = 0; i < hashes.size(); ++i) {
      const std::uint64_t hash = mix64(hashes[i] + chosen.size());
      const double time = waiting_time(hash, chosen.empty() ? 1.0 : potentials.distance(i));
      if (time < best || (time == best && std::isfinite(time) && hash < best_hash))
        best = time, best_row = i, best_hash = hash;
    }
    ByteWriter message;
    message.put(best).put(best_hash);
    comm::agree(comm, [&] {
      if (std::isfinite(best)) put_row(message, rows, best_row, buffer);
    });
    RowBits winner;
    double winning = std::numeric_limits<double>::infinity();
    std::uint64_t winning_hash = 0;
    for (const std::string& bytes : comm.all_gather(message.take())) {
      ByteReader reader(bytes);
      const double time = reader.get<double>();
      const auto hash = reader.get<std::uint64_t>();
      if (!(time < winning || (time == winning && std::isfinite(time) && hash < winning_hash))) continue;
      winning = time;
      winning_hash = hash;
      winner = reader.get_vector<float16>();
    }
    if (winner.empty()) break;  // no row is left that is not a centre already
    chosen.push_back(winner);
    comm::agree(comm, [&] {
      potentials.add(centroids_of(to_matrix({winner}, rows.dim())), narrow<std::uint32_t>(chosen.size() - 1));
    });
  }
  return centroids_of(to_matrix(chosen, rows.dim()));
}

// Weighted k-means++ over the candidates of k-means||: a pure function, computed on every rank alike.
Centroids choose_among(const linalg::Matrix<float>& candidates, std::span<const std::uint64_t> weights, std::uint32_t k,
                       std::uint64_t seed, ThreadPool& pool) {
  const std::size_t n = candidates.rows(), dim = candidates.columns();
  std::vector<double> distance(n, 2.0), norm2(n), time(n);
  RandomStream stream(seed, "k-means|| choice");
  std::vector<std::uint32_t> chosen;
  for (std::size_t i = 0; i < n; ++i) norm2[i] = exact_norm2(candidates.row(i).data(), dim);
  constexpr std::size_t kTask = 512;
  while (chosen.size() < std::min<std::size_t>(k, n)) {
    const std::uint64_t salt = stream();
    pool.run((n + kTask - 1) / kTask, [&](std::size_t task, std::size_t) {
      for (std::size_t i = task * kTask; i < std::min(n, (task + 1) * kTask); ++i) {
        if (!chosen.empty()) {
          const std::uint32_t last = chosen.back();
          const double dot = exact_dot(candidates.row(i).data(), candidates.row(last).data(), dim);
          distance[i] = std::min(distance[i], norm2[i] + (norm2[last] - 2 * dot));
        }
        time[i] = waiting_time(mix64(salt + i), distance[i] * static_cast<double>(weights[i]));
      }
    });
    const auto best = std::min_element(time.begin(), time.end());
    if (!std::isfinite(*best)) break;  // the rest are duplicates of centres
    chosen.push_back(static_cast<std::uint32_t>(best - time.begin()));
  }
  Centroids out(chosen.size(), dim);
  for (std::size_t j = 0; j < chosen.size(); ++j) out.set(j, candidates.row(chosen[j]));
  return out;
}

Centroids seed_parallel(comm::Communicator& comm, FitRows& rows, std::uint32_t k, std::uint64_t seed, Nearest& nearest,
                        ThreadPool& pool) {
  // Bahmani et al. 2012, Algorithm 2, with oversampling l = k / 2 in each of 5 rounds: as good as l = 2k in their tests
  // and ours, at a quarter of the distances.
  constexpr int kRounds = 5;
  const double oversampling = std::max(1.0, 0.5 * k);
  const auto hashes = rows.hashes(seed, "k-means|| sample");
  Potentials potentials(rows, nearest, pool);
  std::vector<linalg::Matrix<float>> parts;
  std::uint32_t total = 0;
  const auto add = [&](std::span<const KeyedRow> offered) {
    parts.push_back(gather_rows(comm, rows, offered));
    comm::agree(comm, [&] { potentials.add(centroids_of(parts.back()), total); });
    total += narrow<std::uint32_t>(parts.back().rows());
  };
  std::vector<KeyedRow> offered;
  const std::uint64_t first = smallest_hashes(comm, hashes, 1);
  for (std::uint64_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] == first) offered.push_back({hashes[i], i});
  }
  add(offered);
  for (int round = 0; round < kRounds; ++round) {
    const double potential = potentials.total(comm);
    if (potential <= 0) break;
    offered.clear();
    for (std::uint64_t i = 0; i < hashes.size(); ++i) {
      const std::uint64_t hash = mix64(hashes[i] + static_cast<std::uint64_t>(round));
      if (unit_from(hash) * potential < oversampling * potentials.distance(i)) offered.push_back({hash, i});
    }
    add(offered);
  }
  std::vector<std::uint64_t> weights(total);
  for (std::uint64_t i = 0; i < rows.size(); ++i) ++weights[potentials.centre(i)];
  comm.sum(std::span(weights));
  linalg::Matrix<float> candidates(total, rows.dim());
  std::size_t at = 0;
  for (const auto& part : parts) {
    std::copy(part.values().begin(), part.values().end(),
              candidates.values().begin() + static_cast<std::ptrdiff_t>(at));
    at += part.values().size();
  }
  return choose_among(candidates, weights, k, seed, pool);
}

}  // namespace

linalg::Matrix<float> gather_rows(comm::Communicator& comm, FitRows& rows, std::span<const KeyedRow> offered) {
  ByteWriter message;
  RowBits buffer(rows.dim());
  comm::agree(comm, [&] {
    for (const KeyedRow& row : offered) {
      message.put(row.key);
      put_row(message, rows, row.row, buffer);
    }
  });
  std::vector<std::pair<std::uint64_t, RowBits>> all;
  for (const std::string& bytes : comm.all_gather(message.take())) {
    ByteReader reader(bytes);
    while (!reader.done()) {
      const auto key = reader.get<std::uint64_t>();
      all.emplace_back(key, reader.get_vector<float16>());
    }
  }
  std::sort(all.begin(), all.end());
  linalg::Matrix<float> out(all.size(), rows.dim());
  for (std::size_t i = 0; i < all.size(); ++i) linalg::to_float32(all[i].second, out.row(i));
  return out;
}

Centroids seed_centroids(comm::Communicator& comm, FitRows& rows, const KMeansParams& params, std::uint64_t seed,
                         Nearest& nearest, ThreadPool& pool) {
  Centroids chosen;
  switch (params.seeding) {
    case Seeding::random:
      return seed_random(comm, rows, params.k, seed);
    case Seeding::kmeans_plus_plus:
      chosen = seed_plus_plus(comm, rows, params.k, seed, nearest, pool);
      break;
    case Seeding::kmeans_parallel:
      chosen = seed_parallel(comm, rows, params.k, seed, nearest, pool);
      break;
  }
  if (chosen.k() == params.k) return chosen;
  // Too few distinct candidates: random rows complete them.
  const Centroids fill = seed_random(comm, rows, params.k, seed);
  const std::size_t have = chosen.k(), total = std::min<std::size_t>(params.k, std::max(have, fill.k()));
  Centroids out(total, rows.dim());
  for (std::size_t j = 0; j < total; ++j) out.set(j, j < have ? chosen.values.row(j) : fill.values.row(j));
  return out;
}

std::size_t reseed_empty(comm::Communicator& comm, FitRows& rows, const Centroids& current,
                         std::span<const std::uint32_t> cluster, std::span<const std::int64_t> counts,
                         std::uint64_t seed, Centroids& next) {
  std::vector<std::size_t> empty;
  for (std::size_t j = 0; j < current.k(); ++j) {
    if (counts[j] == 0) empty.push_back(j);
  }
  if (empty.empty()) return 0;
  // The farthest rows of this rank, as many as there are empty clusters; ties by hash.
  struct Far {
    double distance;
    std::uint64_t hash, row;
    bool operator<(const Far& b) const { return std::tie(b.distance, hash) < std::tie(distance, b.hash); }  // far first
  };
  std::priority_queue<Far> far;  // on top: the least far
  const auto hashes = rows.hashes(seed, "k-means empty cluster");
  std::vector<float> x(rows.dim());
  comm::agree(comm, [&] {
    rows.for_each_block([&](std::uint64_t first, std::size_t count, const float16* block) {
      for (std::size_t i = 0; i < count; ++i) {
        linalg::to_float32({block + i * rows.dim(), rows.dim()}, x);
        const std::uint32_t c = cluster[first + i];
        const double distance = exact_norm2(x.data(), x.size()) +
                                (current.norm2[c] - 2 * exact_dot(x.data(), current.values.row(c).data(), x.size()));
        if (distance <= 0) continue;
        far.push({distance, hashes[first + i], first + i});
        if (far.size() > empty.size()) far.pop();
      }
    });
  });
  ByteWriter message;
  RowBits buffer(rows.dim());
  comm::agree(comm, [&] {
    for (; !far.empty(); far.pop()) {
      message.put(far.top().distance).put(far.top().hash);
      put_row(message, rows, far.top().row, buffer);
    }
  });
  std::vector<std::tuple<double, std::uint64_t, RowBits>> all;  // minus distance, hash, vector
  for (const std::string& bytes : comm.all_gather(message.take())) {
    ByteReader reader(bytes);
    while (!reader.done()) {
      const double distance = reader.get<double>();
      const auto hash = reader.get<std::uint64_t>();
      all.emplace_back(-distance, hash, reader.get_vector<float16>());
    }
  }
  std::sort(all.begin(), all.end());
  all.resize(std::min(all.size(), empty.size()));
  std::vector<RowBits> used;
  std::size_t moved = 0;
  for (auto& candidate : all) {
    RowBits& bits = std::get<2>(candidate);
    if (std::find(used.begin(), used.end(), bits) != used.end()) continue;
    linalg::to_float32(bits, x);
    next.set(empty[moved++], x);
    used.push_back(std::move(bits));
  }
  return moved;
}

}  // namespace equal::cluster
