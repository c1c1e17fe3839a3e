#include "equal/cluster/kmeans.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"

#include "centroids.hpp"
#include "fit_rows.hpp"
#include "nearest.hpp"
#include "seeding.hpp"
#include "update.hpp"

namespace equal::cluster {
namespace {

constexpr double kRegroupShare = 0.8;

void check(const KMeansParams& p, const EmbeddingSource& source) {
  std::string problems;
  const auto require = [&](bool ok, const std::string& message) {
    if (!ok) problems += (problems.empty() ? "" : "; ") + message;
  };
  require(p.k >= 1 && p.k <= (1U << 20), format("k = {}; must be 1 to 2^20", p.k));
  require(p.max_iterations >= 1, "max_iterations = 0; must be at least 1");
  require(p.tolerance_moved >= 0 && p.tolerance_moved < 1,
          format("tolerance_moved = {}; must be in [0, 1)", p.tolerance_moved));
  require(p.tolerance_objective < 1, format("tolerance_objective = {}; must be below 1", p.tolerance_objective));
  require(p.restarts >= 1, "restarts = 0; must be at least 1");
  require(p.block_rows >= 1, "block_rows = 0; must be at least 1");
  require(source.dim() >= 1, "the embeddings have no dimensions");
  require(p.start.rows() == 0 || (p.start.rows() == p.k && p.start.columns() == source.dim()),
          format("start is {} x {}; must be k x dim = {} x {}", p.start.rows(), p.start.columns(), p.k, source.dim()));
  if (!problems.empty()) throw UsageError("k-means: " + problems);
}

class Stopwatch {
 public:
  double lap() {  ///< seconds since the last lap
    const auto before = std::exchange(last_, Clock::now());
    return std::chrono::duration<double>(last_ - before).count();
  }
  double total() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

/// One fit: Lloyd's iteration from a start.
class Fit {
 public:
  Fit(comm::Communicator& comm, FitRows& rows, const KMeansParams& params, ThreadPool& pool, Centroids start)
      : comm_(comm),
        rows_(rows),
        params_(params),
        pool_(pool),
        nearest_(params.kernel, rows.dim(), pool.size()),
        centroids_(std::move(start)),
        next_(centroids_.k(), centroids_.dim()),
        update_(comm, rows.size(), centroids_.k(), centroids_.dim()),
        cluster_(rows.size(), kNoCluster) {
    bounded_ = plan_memory(params, rows.size(), rows.dim(), pool.size()).bounded;
    total_rows_ = comm::sum_one(comm_, std::uint64_t{rows.size()});
  }

  /// Collective. Iterates until done; `state` holds the history so far and is kept up to date. `again`: its last
  /// assignment is repeated, not counted. False: the callback said stop.
  bool run(KMeansState& state, bool again, std::uint64_t seed, const KMeansCallback& callback) {
    while (true) {
      Stopwatch watch;
      KMeansProgress progress;
      IterationTotals totals;
      std::exception_ptr failure;
      try {
        prepare();
        progress.phases.prepare = watch.lap();
        totals = assign();
        progress.phases.assign = watch.lap();
      } catch (...) {
        failure = std::current_exception();
      }
      update_.hand_over(failure);
      progress.phases.hand_over = watch.lap();
      totals = update_.renew(pool_, centroids_, next_, totals);
      if (passes_ == 1) norms_ = totals.norms;
      const double objective = static_cast<double>(norms_ + totals.objective) * 0x1p-48;
      std::size_t reseeded = 0;
      if (totals.empty > 0) {
        update_.share(next_);
        reseeded = reseed_empty(comm_, rows_, centroids_, cluster_, update_.counts(), seed, next_);
      }
      std::swap(centroids_, next_);
      progress.phases.renew = watch.lap();
      if (!again) {
        state.objective.push_back(objective);
        state.moved = totals.moved;
      }
      const bool counted = !std::exchange(again, false);
      const std::size_t done = state.objective.size();
      if (counted && callback) {
        progress.restart = state.restart;
        progress.iteration = static_cast<std::uint32_t>(done);
        progress.rows = total_rows_;
        progress.moved = totals.moved;
        progress.objective = objective;
        progress.seconds = watch.total();
        progress.eta_seconds = progress.seconds * static_cast<double>(params_.max_iterations - done);
        progress.state = [&]() -> const KMeansState& {
          update_.share(next_);
          to_double(next_, state.centroids);
          return state;
        };
        if (!callback(progress)) return finish(false);
      }
      const double before = done >= 2 ? state.objective[done - 2] : objective;
      converged_ = reseeded == 0 &&
                   (static_cast<double>(state.moved) <= params_.tolerance_moved * static_cast<double>(total_rows_) ||
                    (done >= 2 && params_.tolerance_objective >= 0 &&
                     before - objective <= params_.tolerance_objective * before));
      if (converged_ || done >= params_.max_iterations) return finish(true);
    }
  }

  const Centroids& centroids() const noexcept { return centroids_; }
  bool converged() const noexcept { return converged_; }
  std::vector<std::uint64_t> sizes() const { return {update_.counts().begin(), update_.counts().end()}; }

 private:
  /// Collective. Brings the result to ranks without rows.
  bool finish(bool whole) {
    update_.share(centroids_);
    return whole;
  }

  /// Local. Makes the screen and the drifts of the bounds.
  void prepare() {
    // Groups are made when the centroids have found their places, and again when most bounds are of no use anyway.
    regroup_ = passes_ < 2 || (bounds_used_ && needed_share_ > kRegroupShare);
    if (rows_.size() > 0) nearest_.set(centroids_, regroup_, pool_);
    if (bounded_ && !bounds_) bounds_.emplace(rows_.size(), nearest_.groups());
  }

  /// Local. Assigns all rows; returns what this rank adds to the totals.
  IterationTotals assign() {
    const Known known = bounds_ && !regroup_ ? Known::bounds : Known::cluster;
    bounds_used_ = known == Known::bounds;
    const bool first_pass = passes_++ == 0;
    std::uint64_t moved = 0;
    std::atomic<std::int64_t> norm_high{0}, norm_low{0};
    rows_.for_each_block([&](std::uint64_t first, std::size_t count, const float16* block) {
      constexpr std::size_t kTask = 1024;
      const std::size_t dim = rows_.dim();
      std::vector<std::vector<Move>> moves(pool_.size());  // per thread
      pool_.run((count + kTask - 1) / kTask, [&](std::size_t task, std::size_t thread) {
        const std::size_t from = task * kTask, n = std::min(kTask, count - from);
        const auto before = cluster_.begin() + static_cast<std::ptrdiff_t>(first + from);
        std::vector<std::uint32_t> found(before, before + static_cast<std::ptrdiff_t>(n));
        nearest_.find(block + from * dim, n, known, found.data(), nullptr, thread, bounds_ ? &*bounds_ : nullptr,
                      first + from);
        for (std::size_t i = 0; i < n; ++i) {
          std::uint32_t& cluster = cluster_[first + from + i];
          if (cluster == found[i]) continue;
          moves[thread].push_back({from + i, cluster, found[i]});
          cluster = found[i];
        }
        if (first_pass) add_norms(block + from * dim, n, norm_high, norm_low);
      });
      for (const auto& list : moves) moved += list.size();
      add_changes(block, moves);
    });
    const NearestStats stats = nearest_.take_stats();
    needed_share_ = stats.possible == 0 ? 0.0 : static_cast<double>(stats.needed) / static_cast<double>(stats.possible);
    log::debug(
        "k-means: {:.1f} % of distances needed, {:.1f} % computed, {:.2f} decided exactly a row", 100 * needed_share_,
        stats.possible == 0 ? 0.0 : 100 * static_cast<double>(stats.computed) / static_cast<double>(stats.possible),
        static_cast<double>(stats.decided) / static_cast<double>(std::max<std::uint64_t>(1, rows_.size())));
    IterationTotals totals;
    totals.moved = moved;
    totals.norms = static_cast<int128>(norm_high) * kSplit + norm_low;
    return totals;
  }

  struct Move {
    std::size_t row;  ///< of a block
    std::uint32_t from, to;
  };
  // Each thread has its share of the clusters: their sums stay in its cache, and nobody waits for a lock.
  void add_changes(const float16* block, const std::vector<std::vector<Move>>& moves) {
    const std::size_t parts = pool_.size(), dim = rows_.dim();
    pool_.run(parts, [&](std::size_t part, std::size_t) {
      for (const auto& list : moves) {
        for (const Move& move : list) {
          const float16* row = block + move.row * dim;
          if (move.from != kNoCluster && move.from % parts == part) update_.changes().add(move.from, row, -1);
          if (move.to % parts == part) update_.changes().add(move.to, row, 1);
        }
      }
    });
  }

  // |x|^2 in units of 2^-48 is below 2^50; its two halves are summed apart so that int64 holds 2^38 rows.
  static constexpr std::int64_t kSplit = std::int64_t{1} << 24;
  void add_norms(const float16* rows, std::size_t n, std::atomic<std::int64_t>& high,
                 std::atomic<std::int64_t>& low) const {
    std::vector<float> x(rows_.dim());
    std::int64_t sum_high = 0, sum_low = 0;
    for (std::size_t i = 0; i < n; ++i) {
      linalg::to_float32({rows + i * x.size(), x.size()}, x);
      const auto norm = static_cast<std::int64_t>(exact_norm2(x.data(), x.size()) * 0x1p48);
      sum_high += norm / kSplit;
      sum_low += norm % kSplit;
    }
    high += sum_high;
    low += sum_low;
  }

  comm::Communicator& comm_;
  FitRows& rows_;
  const KMeansParams& params_;
  ThreadPool& pool_;
  Nearest nearest_;
  Centroids centroids_, next_;
  CentroidUpdate update_;
  std::vector<std::uint32_t> cluster_;
  std::uint64_t total_rows_ = 0;
  int128 norms_ = 0;
  bool converged_ = false, bounded_ = false, bounds_used_ = false, regroup_ = false;
  std::optional<Bounds> bounds_;
  int passes_ = 0;
  double needed_share_ = 1;  // of the last pass, on this rank: which groups exist changes no result
};

/// k centroids from a start that may have fewer (or none): the rest are copies, and stay empty until rows are found for
/// them.
Centroids complete(const Centroids& start, std::size_t k, std::size_t dim) {
  Centroids out(k, dim);
  if (start.k() == 0) return out;
  for (std::size_t j = 0; j < k; ++j) out.set(j, start.values.row(j % start.k()));
  return out;
}

}  // namespace

KMeansResult kmeans(comm::Communicator& comm, EmbeddingSource& source, const KMeansParams& params, ThreadPool& pool,
                    const KMeansCallback& callback, const std::optional<KMeansState>& resume) {
  check(params, source);
  KMeansResult result;
  const std::uint64_t total = comm::sum_one(comm, source.rows());
  if (total == 0) {
    result.centroids = linalg::Matrix<double>(0, source.dim());
    return result;
  }
  std::optional<FitRows> rows;
  auto selected = select_rows(comm, source, params.seed, fit_rows_wanted(params), total);
  const std::uint64_t local = selected ? selected->size() : source.rows();
  comm::agree(comm, [&] {
    const bool cached = plan_memory(params, local, source.dim(), pool.size()).cache > 0;
    rows.emplace(source, std::move(selected), cached, params.block_rows);
  });
  result.rows = comm::sum_one(comm, local);

  KMeansState state = resume ? *resume : KMeansState{};
  if (resume && (state.centroids.rows() != params.k || state.centroids.columns() != source.dim())) {
    throw UsageError(format("k-means: the saved state has {} x {} centroids, k x dim is {} x {}; start afresh",
                            state.centroids.rows(), state.centroids.columns(), params.k, source.dim()));
  }
  bool again = resume.has_value();
  for (; state.restart < params.restarts; ++state.restart) {
    const std::uint64_t seed = state.restart == 0 ? params.seed : mix64(params.seed + state.restart);
    Centroids start;
    if (again) {
      start = to_grid(state.centroids);
    } else if (params.start.rows() > 0) {
      start = to_grid(params.start);
    } else {
      Nearest nearest(params.kernel, source.dim(), pool.size());
      start = complete(seed_centroids(comm, *rows, params, seed, nearest, pool), params.k, source.dim());
    }
    Fit fit(comm, *rows, params, pool, std::move(start));
    const bool finished = fit.run(state, std::exchange(again, false), seed, callback);
    if (state.best_objective.empty() || state.objective.back() < state.best_objective.back()) {
      state.best = to_double(fit.centroids());
      state.best_objective = state.objective;
      state.best_sizes = fit.sizes();
      state.best_converged = finished && fit.converged();
    }
    if (!finished) break;
    state.objective.clear();
  }
  result.centroids = std::move(state.best);
  result.objective = std::move(state.best_objective);
  result.sizes = std::move(state.best_sizes);
  result.converged = state.best_converged;
  return result;
}

MemoryPlan plan_memory(const KMeansParams& params, std::uint64_t rows, std::size_t dim, std::size_t threads) {
  const std::uint64_t k = params.k, d = dim, padded = (d + 63) / 64 * 64;
  MemoryPlan plan;
  // Floats: current, next, previous centroids, screen; doubles: saved state, best fit; int64: sums, changes, what is
  // sent and received.
  plan.centroids = k * padded * (4 * 4 + 2 * 8 + 4 * 8);
  plan.blocks = 2 * params.block_rows * d * 2 + threads * Nearest::scratch_bytes(params.k, dim);
  // Cluster, and in seeding: hash, distance and nearest centre; then, in their place: moves.
  plan.rows = rows * (4 + 8 + 8 + 4);
  const std::uint64_t bounds = rows * Bounds::bytes_per_row(params.k), cache = rows * d * 2;
  plan.bounded = params.mode == Mode::bounded || (params.mode == Mode::automatic && bounds <= params.memory_bytes);
  if (plan.bounded) plan.rows += bounds;
  if (cache + (plan.bounded ? bounds : 0) <= params.memory_bytes) plan.cache = cache;
  return plan;
}

}  // namespace equal::cluster
