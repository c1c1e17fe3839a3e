#include "equal/contrast/info_nce.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/linalg/training.hpp"

namespace equal::contrast {
namespace {

using linalg::MatrixView;

// Softmax cross entropy of one query: -log p[positive] into the return value, p into `p`; `allowed` says what counts.
template <class Allowed, class Score>
double cross_entropy(std::size_t n, std::size_t positive, double scale, const Allowed& allowed, const Score& score,
                     std::vector<double>& p) {
  double top = -1e300;
  for (std::size_t j = 0; j < n; ++j) {
    if (allowed(j)) top = std::max(top, double{score(j)});
  }
  double sum = 0;  // in double: thousands of terms of very different size
  for (std::size_t j = 0; j < n; ++j) {
    p[j] = allowed(j) ? std::exp((score(j) - top) * scale) : 0.0;
    sum += p[j];
  }
  for (std::size_t j = 0; j < n; ++j) p[j] /= sum;
  // cppcheck-suppress invalidFunctionArg  // the positive is allowed: the sum is 1 at least where it is the top
  return std::log(sum) - (score(positive) - top) * scale;
}

}  // namespace

double info_nce(MatrixView<const float> queries, MatrixView<const float> candidates, std::span<const Candidate> names,
                const InfoNceParams& params, MatrixView<float> query_grad, MatrixView<float> candidate_grad) {
  const std::size_t n = queries.rows, m = candidates.rows;
  if (m < n || names.size() != m) throw InternalError("info_nce: a positive for each query is expected");
  linalg::Matrix<float> scores(n, m), grad(n, m);
  linalg::training::multiply(queries, linalg::training::Side::plain, candidates, linalg::training::Side::transposed,
                             0.0F, scores.view());
  const double scale = 1.0 / params.temperature, back = params.backward_share;
  const auto competes = [&](std::size_t i, std::size_t j) {
    return i == j || (names[i].document != names[j].document && names[i].text != names[j].text);
  };
  std::vector<double> p(m);
  double loss = 0;
  for (std::size_t i = 0; i < n; ++i) {
    loss += (1 - back) * cross_entropy(
                             m, i, scale, [&](std::size_t j) { return competes(i, j); },
                             [&](std::size_t j) { return scores(i, j); }, p);
    for (std::size_t j = 0; j < m; ++j) {
      grad(i, j) = static_cast<float>((1 - back) * (p[j] - (j == i ? 1.0 : 0.0)) * scale / static_cast<double>(n));
    }
  }
  for (std::size_t j = 0; back > 0 && j < n; ++j) {  // a pair recognises its document among those of the batch
    loss += back * cross_entropy(
                       n, j, scale, [&](std::size_t i) { return competes(i, j); },
                       [&](std::size_t i) { return scores(i, j); }, p);
    for (std::size_t i = 0; i < n; ++i) {
      grad(i, j) += static_cast<float>(back * (p[i] - (j == i ? 1.0 : 0.0)) * scale / static_cast<double>(n));
    }
  }
  using linalg::training::Side;
  linalg::training::multiply(std::as_const(grad).view(), Side::plain, candidates, Side::plain, 0.0F, query_grad);
  linalg::training::multiply(std::as_const(grad).view(), Side::transposed, queries, Side::plain, 0.0F, candidate_grad);
  return loss / static_cast<double>(n);
}

}  // namespace equal::contrast
