// Gradients against finite differences.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "equal/base/random.hpp"

namespace equal::contrast::test {

inline void fill(std::span<float> values, const char* purpose, double size = 1.0) {
  RandomStream random(3, purpose);
  for (float& v : values) v = static_cast<float>(size * random.normal());
}

/// The slope of `loss` at `x` by central differences of width h, against `gradient`: along the gradient itself, where
/// the slope is its length, and along random directions, where a wrong part of it cannot hide. f32 rounds a loss to
/// some 3e-7 of its size, which h divides; `tolerance` (of the gradient's length, or of a direction's expected share of
/// it) is for the curvature.
inline void expect_slopes(std::span<float> x, std::span<const float> gradient, const std::function<double()>& loss,
                          double h = 1e-2, double tolerance = 2e-3, const char* what = "") {
  const std::vector<float> at(x.begin(), x.end());
  double square = 0;
  for (const float g : gradient) square += double{g} * double{g};
  const double noise = 3e-7 * std::max(1.0, std::abs(loss())) / h;
  for (int direction = 0; direction < 5; ++direction) {
    RandomStream random(static_cast<std::uint64_t>(direction), "direction");
    std::vector<double> d(gradient.begin(), gradient.end());
    double length = 0, expected = 0;
    for (double& v : d) {
      if (direction > 0 || square == 0) v = random.normal();
      length += v * v;
    }
    for (std::size_t i = 0; i < d.size(); ++i) {
      d[i] /= std::sqrt(length);
      expected += d[i] * double{gradient[i]};
    }
    for (std::size_t i = 0; i < d.size(); ++i) x[i] = static_cast<float>(at[i] + h * d[i]);
    const double above = loss();
    for (std::size_t i = 0; i < d.size(); ++i) x[i] = static_cast<float>(at[i] - h * d[i]);
    const double below = loss();
    std::copy(at.begin(), at.end(), x.begin());
    const double share = direction == 0 ? 1.0 : 3 / std::sqrt(static_cast<double>(d.size()));
    EXPECT_NEAR((above - below) / (2 * h), expected, tolerance * std::sqrt(square) * share + noise)
        << what << " direction " << direction;
  }
}

}  // namespace equal::contrast::test
