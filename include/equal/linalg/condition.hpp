// Conditioning of a joint normal distribution.
#pragma once

#include <cstddef>

#include "equal/linalg/matrix.hpp"

namespace equal::linalg {

/// k (m,m), a covariance in units of the noise variance. The covariance of the first n variables once all others have
/// been observed with that noise: K_nn - K_np (K_pp + I)^-1 K_pn, p = m - n. Cost p^3/3 + n p^2 + n^2 p, on the calling
/// thread. Throws InternalError where k is no covariance. REQUIRES: n <= m.
Matrix<double> condition_on_rest(MatrixView<const double> k, std::size_t n);

}  // namespace equal::linalg
