// Optimal transport between integer supplies and demands at integer costs, by LEMON.
#pragma once

#include <cstdint>
#include <vector>

/// cost (n,m) row-major; supplies (n) and demands (m) with equal sums. Returns the least total cost.
std::int64_t lemon_transport(const std::vector<std::int64_t>& cost, const std::vector<std::int64_t>& supplies,
                             const std::vector<std::int64_t>& demands);
