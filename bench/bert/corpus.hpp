// What the benchmark programs read and write: JSON-lines texts (plain or .gz) and NumPy arrays.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::bench {

struct Corpus {
  std::vector<std::string> texts;  ///< "text" of each line
  std::vector<std::string> pairs;  ///< "question\nanswer" of every entry of "qas", in file order
};

/// The first `limit` lines (0: all).
Corpus read_corpus(const std::string& path, std::size_t limit);

std::vector<std::string_view> views(const std::vector<std::string>& texts);

/// NumPy format 1.0, little-endian float32, (rows, columns).
void write_npy(const std::string& path, linalg::MatrixView<const float> values);

double seconds_now();

}  // namespace equal::bench
