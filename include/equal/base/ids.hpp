// Distinct integer types for things that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace equal {

/// corpus/part-<value>.h5. Explicit construction, ordered, no arithmetic.
struct PartitionId {
  std::uint32_t value = 0;
  PartitionId() = default;
  constexpr explicit PartitionId(std::uint32_t v) : value(v) {}
  auto operator<=>(const PartitionId&) const = default;
};

}  // namespace equal
