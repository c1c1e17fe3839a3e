// Centroids in groups of 16 near ones: the unit that screens compute and that bounds skip.
#pragma once

#include <cstdint>
#include <vector>

#include "centroids.hpp"

namespace equal::cluster {

inline constexpr std::size_t kLanes = 16;  ///< centroids of a group: one vector of 16 floats
inline constexpr std::uint32_t kNoCluster = ~0U;

struct Groups {
  std::vector<std::uint32_t> member;  ///< (count * 16): centroid at each place, or kNoCluster
  std::vector<std::uint32_t> place;   ///< (k): where each centroid is

  std::size_t count() const noexcept { return member.size() / kLanes; }
};

/// Halves the centroids again and again along their direction of largest spread, so that groups hold near ones: bounds
/// that they share are tight. What is in which group does not affect any result. Cost about 8 k dim log2(k / 16).
Groups make_groups(const Centroids& centroids);

}  // namespace equal::cluster
