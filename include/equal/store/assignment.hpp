// Which cluster each document of a partition belongs to: assignment/part-00000.h5, format "equal-assignment" version 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "equal/store/header.hpp"

namespace equal::store {

struct Assignment {
  std::vector<std::uint32_t> cluster;  ///< (n) of each document of the partition
  std::vector<std::uint32_t> order;    ///< (n) document indices, by cluster, inside a cluster in draw order
  std::vector<std::uint64_t> start;    ///< (k+1) cluster c owns order[start[c] .. start[c+1])

  std::uint32_t clusters() const noexcept { return start.empty() ? 0 : static_cast<std::uint32_t>(start.size() - 1); }
  std::span<const std::uint32_t> documents(std::uint32_t c) const {
    return std::span(order).subspan(start[c], start[c + 1] - start[c]);
  }
};

/// Builds order and start from `cluster` and each document's draw key (ascending; ties by index).
/// REQUIRES: equal sizes, every cluster < k.
Assignment make_assignment(std::vector<std::uint32_t> cluster, std::span<const std::uint64_t> draw_keys,
                           std::uint32_t k);

/// Publishes; returns the content digest. Throws InternalError when the three arrays do not belong together.
std::string write_assignment(const std::filesystem::path& path, const Assignment& assignment,
                             const MadeFrom& made_from);

struct AssignmentFile {
  FileHeader header;
  Assignment assignment;
};

/// Throws DataError when missing, damaged, of another version, or inconsistent.
AssignmentFile read_assignment(const std::filesystem::path& path);

}  // namespace equal::store
