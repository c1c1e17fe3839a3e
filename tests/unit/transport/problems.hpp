// Problems to solve, drawn from a seed.
#pragma once

#include <cmath>
#include <vector>

#include "equal/base/random.hpp"
#include "equal/linalg/matrix.hpp"
#include "equal/transport/emd.hpp"

namespace equal::transport::test {

inline linalg::Matrix<float> unit_vectors(RandomStream& r, std::size_t n, std::size_t d) {
  linalg::Matrix<float> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0.0;
    for (float& v : x.row(i)) v = static_cast<float>(r.normal()), sum += double{v} * double{v};
    for (float& v : x.row(i)) v = static_cast<float>(double{v} / std::sqrt(sum));
  }
  return x;
}

/// Some of them 0 where `zeros`.
inline std::vector<double> weights(RandomStream& r, std::size_t n, bool zeros = false) {
  std::vector<double> w(n);
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) w[i] = zeros && i != 0 && r.below(3) == 0 ? 0.0 : r.uniform() + 1e-3, sum += w[i];
  for (double& x : w) x /= sum;
  return w;
}

inline linalg::Matrix<double> random_cost(RandomStream& r, std::size_t n, std::size_t m) {
  linalg::Matrix<double> c(n, m);
  for (double& x : c.values()) x = r.uniform();
  return c;
}

inline linalg::Matrix<double> transposed(const linalg::Matrix<double>& x) {
  linalg::Matrix<double> out(x.columns(), x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < x.columns(); ++j) out(j, i) = x(i, j);
  return out;
}

}  // namespace equal::transport::test
