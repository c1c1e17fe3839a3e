#include "nearest.hpp"

#include <algorithm>

#include "equal/linalg/gemm.hpp"

namespace equal::cluster {
namespace {

constexpr std::size_t kChunk = 128;  // rows whose products with all centroids are held at once

}  // namespace

void Nearest::set(const Centroids& centroids) {
  centroids_ = &centroids;
  values_ = to_double(centroids);
}

void Nearest::find(const float16* rows, std::size_t count, std::uint32_t* cluster, double* squared_distance,
                   std::size_t thread) {
  const std::size_t dim = centroids_->dim(), k = centroids_->k();
  Scratch& scratch = scratch_[thread];
  scratch.row.resize(dim);
  if (scratch.rows.columns() != dim) scratch.rows = linalg::Matrix<double>(kChunk, dim);
  if (scratch.products.columns() != k) scratch.products = linalg::Matrix<double>(kChunk, k);
  for (std::size_t first = 0; first < count; first += kChunk) {
    const std::size_t n = std::min(kChunk, count - first);
    for (std::size_t i = 0; i < n; ++i) {
      linalg::to_float32({rows + (first + i) * dim, dim}, scratch.row);
      std::copy(scratch.row.begin(), scratch.row.end(), scratch.rows.row(i).begin());
    }
    const linalg::MatrixView<double> products = scratch.products.view().slice(0, n);
    linalg::gemm_nt(1.0, scratch.rows.view().slice(0, n), values_.view(), 0.0, products);  // exact in any order
    for (std::size_t i = 0; i < n; ++i) {
      const auto row = products.row(i);
      std::size_t best = 0;
      for (std::size_t j = 1; j < k; ++j) {
        if (centroids_->norm2[j] - 2 * row[j] < centroids_->norm2[best] - 2 * row[best]) best = j;
      }
      cluster[first + i] = static_cast<std::uint32_t>(best);
      if (squared_distance != nullptr) {
        double norm2 = 0;
        for (const double v : scratch.rows.row(i)) norm2 += v * v;
        squared_distance[first + i] = norm2 + (centroids_->norm2[best] - 2 * row[best]);
      }
    }
  }
}

void find_nearest(Nearest& nearest, const float16* rows, std::size_t count, std::size_t dim, std::uint32_t* cluster,
                  double* squared_distance, ThreadPool& pool) {
  constexpr std::size_t kTask = 1024;
  pool.run((count + kTask - 1) / kTask, [&](std::size_t task, std::size_t thread) {
    const std::size_t first = task * kTask;
    nearest.find(rows + first * dim, std::min(kTask, count - first), cluster + first,
                 squared_distance == nullptr ? nullptr : squared_distance + first, thread);
  });
}

}  // namespace equal::cluster
