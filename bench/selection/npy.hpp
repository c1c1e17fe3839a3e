// NumPy's .npy files, as far as this bench writes them: C order, '<f4' or '<i4', one or two dimensions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::bench {

/// Both throw DataError naming the file.
linalg::Matrix<float> read_matrix(const std::filesystem::path& path);
std::vector<std::int32_t> read_integers(const std::filesystem::path& path);

}  // namespace equal::bench
