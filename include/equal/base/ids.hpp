// Distinct integer types for things that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace equal {

/// An integer with a name. Explicit construction, ordered, no arithmetic.
template <class Tag, class Value>
struct Id {
  Value value{};
  Id() = default;
  constexpr explicit Id(Value v) : value(v) {}
  auto operator<=>(const Id&) const = default;
};

using DocumentId = Id<struct DocumentTag, std::uint64_t>;    ///< (input, position) order, 0-based, over all partitions
using ClusterId = Id<struct ClusterTag, std::uint32_t>;      ///< cluster = arm
using PartitionId = Id<struct PartitionTag, std::uint32_t>;  ///< corpus/part-<value>.h5
using Rank = Id<struct RankTag, int>;                        ///< position in a Communicator

}  // namespace equal
