// Chunks of inputs that come in items of known size (text files, Parquet row groups): consecutive items, a new chunk
// when the last one holds partition_bytes. Internal to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equal::store {

struct ItemRange {
  std::size_t begin = 0, end = 0;
};

inline std::vector<ItemRange> weighted_chunks(const std::vector<std::uint64_t>& sizes, std::uint64_t partition_bytes) {
  std::vector<ItemRange> out;
  std::uint64_t held = partition_bytes;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (held >= partition_bytes) {
      out.push_back({i, i});
      held = 0;
    }
    out.back().end = i + 1;
    held += sizes[i];
  }
  return out;
}

}  // namespace equal::store
