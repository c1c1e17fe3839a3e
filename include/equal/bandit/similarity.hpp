// Similarity of a document to the guide: the mean cosine to its nearest guide items.
#pragma once

#include <cstddef>
#include <span>

#include "equal/linalg/matrix.hpp"

namespace equal::bandit {

/// Coordinates of guide and documents are rounded to multiples of 2^-24 (those of float16 embeddings already are), so
/// every product is a multiple of 2^-48 and every sum exact in double: the same bits for any blocking, rank and thread
/// count.
class GuideSimilarity {
 public:
  /// guide (items, dim), unit rows, items >= 1. `nearest` items (or all, when there are fewer) are averaged.
  explicit GuideSimilarity(linalg::MatrixView<const float> guide, std::size_t nearest = 10);
  /// documents (n, dim), unit rows -> out (n). O(n items dim), one GEMM a block of 256. Thread-safe.
  void compute(linalg::MatrixView<const float> documents, std::span<float> out) const;
  std::size_t dimension() const noexcept { return guide_.columns(); }

 private:
  linalg::Matrix<double> guide_;
  std::size_t nearest_;
};

}  // namespace equal::bandit
