#include "equal/transport/marginal.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/linalg/grid.hpp"

namespace equal::transport {
namespace {

// Threshold of a guide with a single item, which has no neighbour to measure by.
constexpr double kLoneThreshold = 0.5;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

double guide_threshold(const linalg::Matrix<double>& guide, double share) {
  if (guide.rows() == 1) return kLoneThreshold;
  linalg::Matrix<double> cosines(1, guide.rows());
  std::vector<double> nearest(guide.rows());
  for (std::size_t j = 0; j < guide.rows(); ++j) {
    linalg::gemm_nt(1.0, guide.view().slice(j, 1), guide.view(), 0.0, cosines.view());
    cosines(0, j) = -1.0;
    nearest[j] = *std::max_element(cosines.values().begin(), cosines.values().end());
  }
  // Below 1, or a guide of identical items would divide by zero.
  return std::min(share * median(std::move(nearest)), 0.999);
}

double norm(std::span<const double> values, double p) {
  double sum = 0.0;
  if (p == 2.0) {  // correctly rounded, which pow is not: the same bits with every C library
    for (const double x : values) sum += x * x;
    return std::sqrt(sum);
  }
  for (const double x : values) sum += std::pow(x, p);
  return std::pow(sum, 1.0 / p);
}

}  // namespace

MarginalReward::MarginalReward(linalg::MatrixView<const float> guide, const MarginalParams& params,
                               std::span<const double> weights)
    : params_(params),
      guide_(guide.rows, guide.columns),
      left_(guide.rows, std::numeric_limits<double>::infinity()),
      served_(guide.rows, 0),
      memory_(guide.rows) {
  if (guide.rows == 0) throw DataError("reward: the guide has no items; give a reference set");
  for (std::size_t j = 0; j < guide.rows; ++j) {
    for (const float x : guide.row(j)) {
      if (!std::isfinite(x)) throw DataError(format("reward: guide item {} has a coordinate that is not finite", j));
    }
    linalg::to_grid(guide.row(j), guide_.row(j));
  }
  if (!(params_.document_norm >= 1.0))
    throw UsageError(format("reward: norm = {} of a document's pairs; must be at least 1", params_.document_norm));
  threshold_ = guide_threshold(guide_, params_.threshold_share);
  if (!weights.empty() && weights.size() != guide.rows) {
    throw UsageError(format("reward: {} weights for {} guide items", weights.size(), guide.rows));
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t j = 0; j < guide.rows; ++j) {
    if (!weights.empty() && (!(weights[j] >= 0) || !(total > 0) || !std::isfinite(total))) {
      throw UsageError(format("reward: weight {} of guide item {}; weights must be >= 0 and not all 0", weights[j], j));
    }
    const double share = weights.empty() ? 1.0 / static_cast<double>(guide.rows) : weights[j] / total;
    if (params_.budget_documents > 0) left_[j] = params_.cap * static_cast<double>(params_.budget_documents) * share;
    if (share == 0) left_[j] = 0.0;
  }
}

void MarginalReward::calibrate(std::span<const double> nearest) {
  if (first_.size() >= params_.calibrating_pairs) return;
  first_.insert(first_.end(), nearest.begin(), nearest.end());
  if (first_.size() < params_.calibrating_pairs) return;
  std::vector<double> sorted = first_;
  const auto above = static_cast<std::ptrdiff_t>(params_.earning_share * static_cast<double>(sorted.size()));
  std::nth_element(sorted.begin(), sorted.begin() + above, sorted.end(), std::greater<>());
  threshold_ = std::min(threshold_, std::max(0.0, sorted[static_cast<std::size_t>(above)]));
}

std::size_t MarginalReward::near_duplicates(std::size_t item, std::span<const double> pair) const {
  const std::size_t dim = pair.size();
  std::size_t n = 0;
  const auto& kept = memory_[item];
  for (std::size_t first = 0; first < kept.size(); first += dim) {
    double cosine = 0.0;
    for (std::size_t i = 0; i < dim; ++i) cosine += double{kept[first + i]} * pair[i];
    if (cosine > params_.duplicate_cosine) ++n;
  }
  return n;
}

void MarginalReward::remember(std::size_t item, std::span<const double> pair) {
  if (params_.remembered == 0) return;
  auto& kept = memory_[item];
  const std::size_t slot = static_cast<std::size_t>(served_[item] % params_.remembered) * pair.size();
  if (kept.size() < slot + pair.size()) kept.resize(slot + pair.size());
  for (std::size_t i = 0; i < pair.size(); ++i) kept[slot + i] = static_cast<float>(pair[i]);
}

DocumentCredit MarginalReward::credit(linalg::MatrixView<const float> pairs) {
  DocumentCredit out;
  out.pairs.assign(pairs.rows, 0.0);
  out.items.assign(pairs.rows, kNoItem);
  if (pairs.rows == 0) return out;
  if (pairs.columns != guide_.columns()) throw InternalError("reward: pairs and guide have different dimensions");
  linalg::Matrix<double> x(pairs.rows, pairs.columns), cosines(pairs.rows, guide_.rows());
  for (std::size_t p = 0; p < pairs.rows; ++p) linalg::to_grid(pairs.row(p), x.row(p));
  linalg::gemm_nt(1.0, x.view(), guide_.view(), 0.0, cosines.view());
  std::vector<double> nearest(pairs.rows);
  for (std::size_t p = 0; p < pairs.rows; ++p) {
    nearest[p] = *std::max_element(cosines.row(p).begin(), cosines.row(p).end());
    std::size_t best = guide_.rows();
    for (std::size_t j = 0; j < guide_.rows(); ++j) {
      if (left_[j] > 0 && (best == guide_.rows() || cosines(p, j) > cosines(p, best))) best = j;
    }
    if (best == guide_.rows() || !(cosines(p, best) > threshold_)) continue;
    const double earned = std::min(1.0, (cosines(p, best) - threshold_) / (1.0 - threshold_));
    out.pairs[p] = earned / (1.0 + static_cast<double>(near_duplicates(best, x.row(p))));
    out.items[p] = static_cast<std::uint32_t>(best);
    remember(best, x.row(p));
    left_[best] = std::max(0.0, left_[best] - 1.0);
    ++served_[best];
  }
  calibrate(nearest);
  out.total = norm(out.pairs, params_.document_norm);
  return out;
}

}  // namespace equal::transport
