// Reward `marginal`: what a document's pairs add to what the guide still needs. A semi-relaxed transport of kept pairs
// onto the unserved mass of the guide, in its simplest incremental form: each pair is moved once, to its nearest guide
// item that has capacity left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

struct MarginalParams {
  /// Threshold t = this x the median cosine of a guide item to its nearest other one. Pairs at or below t earn nothing.
  double threshold_share = 0.6;
  /// A guide whose items resemble each other (by what they all say, "write a function ...") would ask for more than any
  /// document has. So after `calibrating_pairs` pairs t falls, once, to where this share of them would have earned.
  double earning_share = 0.1;
  std::size_t calibrating_pairs = 64;
  /// Capacity of item j = cap x budget_documents x weight_j pairs. budget_documents = 0: no limit.
  double cap = 9.0;
  std::uint64_t budget_documents = 0;
  /// A document earns the p-norm of its pairs' credits with this p >= 1: with 1 their sum, with more and more the best
  /// one alone. Pairs of one document have its subject in common, and many weak ones must not outweigh a good one.
  double document_norm = 2.0;
  /// Pairs of one guide item with a cosine above this to each other are near-duplicates.
  double duplicate_cosine = 0.95;
  /// Kept pairs a guide item remembers to find near-duplicates (the last ones).
  std::size_t remembered = 16;
};

/// What one document earned.
struct DocumentCredit {
  double total = 0.0;                ///< p-norm of `pairs`
  std::vector<double> pairs;         ///< each pair's own, after sharing, in [0, 1]
  std::vector<std::uint32_t> items;  ///< guide item served, or kNoItem
};

/// Exact arithmetic on 2^-24 coordinates: credit depends on the order of the documents alone, not on ranks or threads.
/// Memory: guide x (dim + remembered x dim) doubles and floats.
class MarginalReward {
 public:
  static constexpr std::uint32_t kNoItem = ~std::uint32_t{0};

  /// guide (items, dim), unit rows, items >= 1; weights (items), >= 0 with a positive sum, scaled to sum 1; empty:
  /// uniform. Throws UsageError on weights that do not fit and DataError on a guide with a value that is not finite.
  MarginalReward(linalg::MatrixView<const float> guide, const MarginalParams& params,
                 std::span<const double> weights = {});

  /// A pair with cosine s to the nearest item with capacity left earns max(0, (s - t) / (1 - t)) / (1 + its
  /// near-duplicates among the pairs kept before it) and uses one unit of that item's capacity. pairs (n, dim), unit
  /// rows, in document order. O(n guide dim).
  DocumentCredit credit(linalg::MatrixView<const float> pairs);

  double threshold() const noexcept { return threshold_; }
  /// Capacity left of each guide item, in pairs; infinite without a budget.
  std::span<const double> unserved() const noexcept { return left_; }
  /// Pairs that each guide item has taken.
  std::span<const std::uint64_t> served() const noexcept { return served_; }

 private:
  void calibrate(std::span<const double> nearest);
  std::size_t near_duplicates(std::size_t item, std::span<const double> pair) const;
  void remember(std::size_t item, std::span<const double> pair);

  MarginalParams params_;
  linalg::Matrix<double> guide_;
  double threshold_ = 0.0;
  std::vector<double> first_;  // nearest cosines of the first pairs, until t is settled
  std::vector<double> left_;
  std::vector<std::uint64_t> served_;
  std::vector<std::vector<float>> memory_;  // by item: up to `remembered` pairs, a ring; coordinates are exact in float
};

}  // namespace equal::transport
