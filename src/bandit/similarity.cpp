#include "equal/bandit/similarity.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/linalg/grid.hpp"

namespace equal::bandit {
namespace {

constexpr std::size_t kRowsPerBlock = 256;

}  // namespace

GuideSimilarity::GuideSimilarity(linalg::MatrixView<const float> guide, std::size_t nearest)
    : guide_(guide.rows, guide.columns), nearest_(std::min(nearest, guide.rows)) {
  if (guide.rows == 0) throw InternalError("similarity to a guide without items");
  if (nearest == 0) throw UsageError("nearest guide items = 0; must be at least 1");
  for (std::size_t j = 0; j < guide.rows; ++j) linalg::to_grid(guide.row(j), guide_.row(j));
}

void GuideSimilarity::compute(linalg::MatrixView<const float> documents, std::span<float> out) const {
  if (documents.columns != guide_.columns() || out.size() != documents.rows) {
    throw InternalError("similarity: shapes do not match");
  }
  const std::size_t block = std::min(kRowsPerBlock, documents.rows);
  linalg::Matrix<double> x(block, guide_.columns()), cosines(block, guide_.rows());
  for (std::size_t first = 0; first < documents.rows; first += block) {
    const std::size_t n = std::min(block, documents.rows - first);
    for (std::size_t r = 0; r < n; ++r) linalg::to_grid(documents.row(first + r), x.row(r));
    linalg::gemm_nt(1.0, {x.values().data(), n, x.columns()}, guide_.view(), 0.0,
                    {cosines.values().data(), n, cosines.columns()});
    for (std::size_t r = 0; r < n; ++r) {
      const auto row = cosines.row(r);
      const auto cut = row.begin() + static_cast<std::ptrdiff_t>(nearest_);
      std::partial_sort(row.begin(), cut, row.end(), std::greater<>());
      double sum = 0;  // of at most `nearest` values in descending order: one order everywhere
      for (auto v = row.begin(); v != cut; ++v) sum += *v;
      out[first + r] = static_cast<float>(sum / static_cast<double>(nearest_));
    }
  }
}

}  // namespace equal::bandit
