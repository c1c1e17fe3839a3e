// Exact, distributed k-means on float16 embeddings (squared Euclidean distance), and the assignment of all rows.
//
// Same bits for any number of ranks and threads, any kernel and any mode, because nothing that decides is rounded:
// - |x_i| <= 1 makes every component of a float16 embedding a multiple of 2^-24. Centroids are rounded to multiples of
//   2^-24 after each update, |c_i| <= 1, so they are exact floats. Each product x_i c_i is then a multiple of 2^-48;
//   with |x|^2 <= 2 every partial sum of x.c is at most sum |x_i c_i| <= |x||c| <= 2 (Cauchy-Schwarz), and those of
//   |c|^2 too. A multiple of 2^-48 below 2^5 has at most 53 bits, so x.c, |c|^2 - 2 x.c (at most 6) and |x - c|^2 (at
//   most 8) are exact in double in any order, with or without fused multiply-add.
// - The nearest centroid is the arg-min of |c|^2 - 2 x.c, ties to the lower id.
// - Sums of embeddings are integers (units of 2^-24) in int64, good to 2^39 rows a cluster; centroids come from them by
// one
//   integer division, and the objective of an iteration, sum |x - c|^2, follows from them exactly in 128-bit integers.
// - Distances that are summed otherwise (seeding potentials) are rounded per row to 2^-30 and added as integers.
// Random draws hash the row's digest. How it is made fast is in docs/algorithms/kmeans.md.
//
// Memory of a rank: see MemoryPlan. Ranks without rows (the coordinator) take part with rows() == 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/cluster/embedding_source.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::cluster {

enum class Seeding {
  random,            ///< rows drawn without replacement: one pass
  kmeans_parallel,   ///< k-means|| (Bahmani et al. 2012): few passes, better starts
  kmeans_plus_plus,  ///< k-means++ (Arthur, Vassilvitskii 2007): k passes; for comparison
};
/// bounded: triangle-inequality bounds skip centroids that cannot be nearest; costs memory per row. automatic: bounded
/// while its state fits memory_bytes. The result is the same.
enum class Mode { automatic, dense, bounded };
/// Which screen finds the candidates that are then decided exactly. The result is the same.
/// A kernel that this build or CPU lacks is replaced by the best there is.
enum class Kernel {
  automatic,  ///< the fastest: lowprec
  blas,       ///< f32 through OpenBLAS
  onednn,     ///< int8 through oneDNN
  lowprec,    ///< int8, our own kernel for AVX-512 VNNI; f32 elsewhere
};

struct KMeansParams {
  std::uint32_t k = 0;                ///< clusters, 1 .. 2^20
  std::uint32_t max_iterations = 25;  ///< updates of the centroids
  double tolerance_moved = 0.001;     ///< stop when at most this share of the rows changed cluster
  double tolerance_objective =
      1e-5;  ///< stop when the objective fell by at most this share; negative: never for this reason
  Seeding seeding = Seeding::kmeans_parallel;
  std::uint64_t fit_sample = 0;  ///< rows to fit on (lowest hash): 0 = 256 k; kAllRows = all
  std::uint64_t seed = 1;
  std::uint32_t restarts = 1;  ///< independent fits; the one with the lowest objective stays, the first of equals
  Mode mode = Mode::automatic;
  Kernel kernel = Kernel::automatic;
  std::size_t block_rows = 8192;                        ///< rows read at a time when streaming
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;  ///< a rank's rows and bounds stay in memory while they fit this
  /// (k, dim): start here instead of seeding (rounded to multiples of 2^-24). Equal on all ranks.
  linalg::Matrix<double> start;

  static constexpr std::uint64_t kAllRows = ~std::uint64_t{0};
};

/// All that is needed to go on after an iteration; equal on all ranks. Plain data: the job stores it.
struct KMeansState {
  std::uint32_t restart = 0;
  linalg::Matrix<double> centroids;  ///< (k, dim): those of the last assignment, before their update
  std::vector<double> objective;     ///< one per iteration of this restart
  std::uint64_t moved = 0;           ///< rows that changed cluster in the last one
  linalg::Matrix<double> best;       ///< the best finished restart, if any, and what KMeansResult says of it
  std::vector<double> best_objective;
  std::vector<std::uint64_t> best_sizes;
  bool best_converged = false;
};

/// Seconds of an iteration on this rank: where a fit on many ranks loses time.
struct KMeansPhases {
  double prepare = 0;    ///< screen of the centroids, drifts of the bounds
  double assign = 0;     ///< this rank's rows
  double hand_over = 0;  ///< sums to the ranks that own them, and the wait for the slowest rank
  double renew = 0;      ///< new centroids and their exchange
};

struct KMeansProgress {
  std::uint32_t restart = 0;          ///< 0 = first fit
  std::uint32_t iteration = 0;        ///< 1 = first
  std::uint64_t rows = 0, moved = 0;  ///< over all ranks
  double objective = 0;
  double seconds = 0;      ///< of this iteration
  KMeansPhases phases;     ///< what these consist of
  double eta_seconds = 0;  ///< until max_iterations at this pace: an upper bound
  /// Collective, during the call only; costs a broadcast of the centroids when there are ranks without rows.
  std::function<const KMeansState&()> state;
};
/// Called on every rank after each iteration; false stops there. REQUIRES: the same answer on all ranks.
using KMeansCallback = std::function<bool(const KMeansProgress&)>;

struct KMeansResult {
  linalg::Matrix<double> centroids;  ///< (k, dim), multiples of 2^-24
  /// Sum of |x - c|^2 over the fitted rows at each assignment. It never rises by more than rows * dim * 2^-50 (the
  /// rounding of the centroids) except where an empty cluster was re-seeded.
  std::vector<double> objective;
  std::vector<std::uint64_t> sizes;  ///< fitted rows per cluster at the last assignment
  std::uint64_t rows = 0;            ///< fitted rows over all ranks
  bool converged = false;            ///< false: max_iterations, or the callback said stop
};

/// Collective; equal params on all ranks. Fits k centroids. Without any row the result has no centroids (0, dim).
/// Empty clusters move to the rows farthest from their centroids, one distinct vector each; when there are fewer
/// distinct vectors than k, the rest stay empty where they are. Throws UsageError on parameters, an Error of family
/// data naming an invalid row.
KMeansResult kmeans(comm::Communicator& comm, EmbeddingSource& source, const KMeansParams& params, ThreadPool& pool,
                    const KMeansCallback& callback = {}, const std::optional<KMeansState>& resume = {});

/// What every cluster looks like once all rows are assigned; equal on all ranks.
struct ClusterStats {
  std::vector<std::uint64_t> sizes;  ///< (k)
  std::vector<double> radius;        ///< (k): largest |x - c|; 0 when empty
  linalg::Matrix<double> mean;       ///< (k, dim): of the members; the centroid when empty
  linalg::Matrix<double> variance;   ///< (k, dim): per component, around the mean; 0 when empty
  double objective = 0;              ///< sum of |x - c|^2 over all rows
};

struct Assignment {
  std::vector<std::uint32_t> cluster;   ///< one per local row
  std::vector<float> squared_distance;  ///< |x - c|^2 of it: the exact value rounded once
  ClusterStats stats;
};

/// Collective. One streaming pass over all local rows. REQUIRES: centroids (k, dim) from kmeans(), equal on all ranks.
Assignment assign(comm::Communicator& comm, EmbeddingSource& source, const linalg::Matrix<double>& centroids,
                  const KMeansParams& params, ThreadPool& pool);

/// Bytes a rank needs at most in kmeans() with `rows` fitted local rows (a test compares it with the resident set):
/// - centroids = 64 k dim', dim' = dim rounded up to 64: current, next, previous and saved ones, screen, integer sums,
///   messages;
/// - blocks = 4 block_rows dim + threads x (140 max(8192, 3 k) + 1008 (8 dim + 64)): read buffers, chunks with scores;
/// - rows = 24 rows (cluster; hash and distance while seeding, then moves), and with bounds (10 + 2 G) rows more, where
///   G = ceil(k / 16) rounded up to 32;
/// - cache = 2 rows dim while it fits memory_bytes beside the bounds; else 0 and the rows are streamed.
/// Choosing a fit_sample out of n local rows takes 8 n bytes before the fit begins.
struct MemoryPlan {
  std::uint64_t centroids = 0, blocks = 0, rows = 0, cache = 0;
  bool bounded = false;
  std::uint64_t total() const noexcept { return centroids + blocks + rows + cache; }
};
MemoryPlan plan_memory(const KMeansParams& params, std::uint64_t rows, std::size_t dim, std::size_t threads);

}  // namespace equal::cluster
