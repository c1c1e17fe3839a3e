#include "problem.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::transport {
namespace {

constexpr double kSumTolerance = 1e-9;

void check_weights(std::span<const double> weights, std::size_t n, const char* side) {
  if (weights.empty()) return;
  if (weights.size() != n) {
    throw UsageError(
        equal::format("transport: {} {} weights for {} points; give one a point or none", weights.size(), side, n));
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(weights[i]) || weights[i] < 0.0) {
      throw UsageError(
          equal::format("transport: {} weight {} is {}; must be finite and not negative", side, i, weights[i]));
    }
    sum += weights[i];
  }
  if (std::abs(sum - 1.0) > kSumTolerance) {
    throw UsageError(
        equal::format("transport: the {} weights sum to {}; must be 1 within {}", side, sum, kSumTolerance));
  }
}

}  // namespace

double check_problem(linalg::MatrixView<const double> cost, std::span<const double> a, std::span<const double> b) {
  if (cost.rows == 0 || cost.columns == 0) {
    throw DataError(
        equal::format("transport between {} and {} points; both sides need at least one", cost.rows, cost.columns));
  }
  check_weights(a, cost.rows, "row");
  check_weights(b, cost.columns, "column");
  constexpr std::size_t kWays = 8;
  double largest[kWays] = {};
  for (std::size_t i = 0; i < cost.rows; ++i) {
    const std::span<const double> c = cost.row(i);
    // x - x is 0 for finite x and NaN otherwise, so one sum a row finds any; only then the place is looked for.
    double bad[kWays] = {};
    std::size_t j = 0;
    for (; j + kWays <= c.size(); j += kWays) {
      for (std::size_t k = 0; k < kWays; ++k) {
        const double x = c[j + k], size = std::abs(x);
        bad[k] += x - x;
        largest[k] = size > largest[k] ? size : largest[k];
      }
    }
    for (; j < c.size(); ++j) bad[0] += c[j] - c[j], largest[0] = std::max(largest[0], std::abs(c[j]));
    if (std::any_of(bad, bad + kWays, [](double x) { return std::isnan(x); })) {
      const auto at = std::find_if(c.begin(), c.end(), [](double x) { return !std::isfinite(x); }) - c.begin();
      throw DataError(
          equal::format("transport: cost({}, {}) = {} is not finite", i, at, c[static_cast<std::size_t>(at)]));
    }
  }
  return *std::max_element(largest, largest + kWays);
}

std::vector<double> weights_or_uniform(std::span<const double> weights, std::size_t n) {
  if (!weights.empty()) return {weights.begin(), weights.end()};
  return std::vector<double>(n, 1.0 / static_cast<double>(n));
}

}  // namespace equal::transport
