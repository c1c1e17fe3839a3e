// The nearest centroid of each row, exactly.
#pragma once

#include <vector>

#include "centroids.hpp"
#include "equal/base/thread_pool.hpp"

namespace equal::cluster {

class Nearest {
 public:
  explicit Nearest(std::size_t threads) : scratch_(threads) {}
  /// Looks at `centroids` until the next call.
  void set(const Centroids& centroids);
  /// For rows (count, dim): the nearest centroid and, unless null, |x - c|^2. Any thread below `threads`, one call each at
  /// a time. REQUIRES: k > 0.
  void find(const float16* rows, std::size_t count, std::uint32_t* cluster, double* squared_distance, std::size_t thread);

 private:
  struct Scratch {
    std::vector<float> row;
    linalg::Matrix<double> rows, products;
  };
  const Centroids* centroids_ = nullptr;
  linalg::Matrix<double> values_;
  std::vector<Scratch> scratch_;
};

/// The same for many rows, on all threads.
void find_nearest(Nearest& nearest, const float16* rows, std::size_t count, std::size_t dim, std::uint32_t* cluster,
                  double* squared_distance, ThreadPool& pool);

}  // namespace equal::cluster
