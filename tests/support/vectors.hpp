// Vectors made for tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "equal/base/random.hpp"
#include "equal/linalg/float16.hpp"

namespace equal::test {

/// n unit vectors around `centres` random directions (0: uniform on the sphere), with noise of length `noise`.
inline std::vector<linalg::float16> make_vectors(std::size_t n, std::size_t dim, std::size_t centres, double noise,
                                                 std::uint64_t seed = 1) {
  RandomStream random(seed, "test vectors");
  std::vector<double> centre(centres * dim);
  for (double& c : centre) c = random.normal() / std::sqrt(static_cast<double>(dim));
  std::vector<linalg::float16> out(n * dim);
  std::vector<double> x(dim);
  for (std::size_t i = 0; i < n; ++i) {
    double norm = 0;
    const std::size_t c = centres == 0 ? 0 : random.below(centres);
    for (std::size_t d = 0; d < dim; ++d) {
      x[d] = random.normal() / std::sqrt(static_cast<double>(dim)) * (centres == 0 ? 1.0 : noise);
      if (centres > 0) x[d] += centre[c * dim + d];
      norm += x[d] * x[d];
    }
    for (std::size_t d = 0; d < dim; ++d)
      out[i * dim + d] = linalg::to_float16(static_cast<float>(x[d] / std::sqrt(norm)));
  }
  return out;
}

}  // namespace equal::test
