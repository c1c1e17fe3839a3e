// What every solver checks before it starts.
#pragma once

#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

/// Throws as emd.hpp says. Returns the largest |cost|.
double check_problem(linalg::MatrixView<const double> cost, std::span<const double> a, std::span<const double> b);

/// The weights, or n times 1/n where they are empty.
std::vector<double> weights_or_uniform(std::span<const double> weights, std::size_t n);

}  // namespace equal::transport
