// Inexact proximal point method for optimal transport (Xie, Wang, Wang, Zha, arXiv 1802.04307, Algorithm 1), as the
// authors of EQUAL use it.
#pragma once

#include <cstdint>
#include <span>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

struct IpotParams {
  double beta = 1.0;          ///< step size, in units of the cost
  std::uint64_t outer = 500;  ///< proximal steps
  std::uint64_t inner = 10;   ///< scalings in each
  double guard = 1e-8;        ///< added to every denominator; part of the published loop, and of its value
};

struct IpotResult {
  double value = 0.0;           ///< sum of plan x cost
  double marginal_error = 0.0;  ///< Euclidean norm of (row sums of the plan - a, column sums - b)
};

/// The loop Q = exp(-cost / beta) . P; `inner` times u = a / (Q v + guard), v = b / (Q^T u + guard); P = diag(u) Q
/// diag(v), from P = 1/(n m), v = 1, with v carried from step to step. cost (n,m); weights as in emd.hpp. Always does
/// all its steps: it has no stopping rule, and its value at a step is what is compared with published ones. Q is kept
/// in float (double where a cost is above 20 beta), all sums in double: the value agrees with the same loop in double
/// to 10^-7. A row of Q takes its new value, yields its u and adds to the new v while it is in cache, so the matrix is
/// read `inner` times a step and written once. The same bits on every CPU. Time O(outer inner n m), memory 2 n m
/// floats. Throws as emd(), and UsageError on parameters out of range.
IpotResult ipot(linalg::MatrixView<const double> cost, std::span<const double> a = {}, std::span<const double> b = {},
                const IpotParams& params = {});

}  // namespace equal::transport
