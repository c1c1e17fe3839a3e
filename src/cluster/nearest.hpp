// The nearest centroid of each row, exactly: a screen finds the candidates, double arithmetic without rounding decides,
// and bounds carried from one iteration to the next skip groups of centroids that cannot win.
#pragma once

#include <memory>
#include <vector>

#include "equal/base/thread_pool.hpp"

#include "centroids.hpp"
#include "groups.hpp"
#include "screen.hpp"

namespace equal::cluster {

/// Bounds of rows, in units of 2^-15, rounded outwards: the distance to the own centroid is at most upper, that to any
/// other centroid of group g at least lower[g].
class Bounds {
 public:
  static constexpr double kUnit = 0x1p-15;
  static constexpr std::size_t kPad = 32;  ///< groups per row are padded to whole vectors of 32
  static std::size_t stride_for(std::size_t groups) noexcept { return (groups + kPad - 1) / kPad * kPad; }
  static std::uint64_t bytes_per_row(std::size_t k) noexcept {
    return 8 + 2 + 2 * stride_for((k + kLanes - 1) / kLanes);
  }

  Bounds(std::uint64_t rows, std::size_t groups)
      : stride_(stride_for(groups)), lower_(rows * stride_), upper_(rows), norm2_(rows) {}
  std::size_t stride() const noexcept { return stride_; }
  std::uint16_t* lower(std::uint64_t row) noexcept { return lower_.data() + row * stride_; }
  std::uint16_t& upper(std::uint64_t row) noexcept { return upper_[row]; }
  double& norm2(std::uint64_t row) noexcept { return norm2_[row]; }  ///< |x|^2, exact

 private:
  std::size_t stride_;
  std::vector<std::uint16_t> lower_, upper_;
  std::vector<double> norm2_;
};

/// What find() may rely on.
enum class Known {
  nothing,
  cluster,  ///< the cluster of each row in the last iteration: a good first guess (kNoCluster: none)
  bounds,   ///< also the bounds, brought up to date by every find() since set() made groups
};

/// What the bounds saved.
struct NearestStats {
  std::uint64_t needed = 0, computed = 0, possible = 0;  ///< (row, group) pairs
  std::uint64_t decided = 0;                             ///< exact distances to candidates
};

class Nearest {
 public:
  Nearest(Kernel kernel, std::size_t dim, std::size_t threads);
  ~Nearest();

  /// Looks at `centroids` until the next call. `regroup`: groups are made anew, so that bounds lose their meaning.
  /// Otherwise the drift of each group since the last call is taken off the bounds of find(). REQUIRES: k > 0.
  void set(const Centroids& centroids, bool regroup, ThreadPool& pool);

  /// For rows (count, dim): the nearest centroid and, unless null, |x - c|^2. Any thread below `threads`, one call each
  /// at a time. `bounds`, if any, are brought up to date (its row first_bound is rows' first); Known::bounds uses them,
  /// and may leave squared_distance of skipped rows alone.
  void find(const float16* rows, std::size_t count, Known known, std::uint32_t* cluster, double* squared_distance,
            std::size_t thread, Bounds* bounds = nullptr, std::uint64_t first_bound = 0);

  /// Bytes that each thread needs for chunks of rows and their scores, at most.
  static std::uint64_t scratch_bytes(std::size_t k, std::size_t dim) noexcept;
  std::size_t groups() const noexcept { return groups_.count(); }
  std::string screen_name() const { return screen_->name(); }
  NearestStats take_stats();

 private:
  class Chunk;
  const Centroids* centroids_ = nullptr;
  Centroids previous_;
  Groups groups_;
  std::vector<std::uint16_t> drift_;      // per group, rounded up
  std::vector<std::uint16_t> own_drift_;  // per centroid, rounded up
  std::size_t dim_;
  std::unique_ptr<Screen> screen_;
  std::vector<std::unique_ptr<Chunk>> chunks_;  // per thread
};

/// find() without bounds for many rows, on all threads.
void find_nearest(Nearest& nearest, const float16* rows, std::size_t count, std::size_t dim, std::uint32_t* cluster,
                  double* squared_distance, ThreadPool& pool);

}  // namespace equal::cluster
