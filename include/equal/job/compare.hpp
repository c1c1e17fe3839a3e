// Two runs side by side.
#pragma once

#include <string>

#include "equal/job/job.hpp"

namespace equal::job {

/// Collective; the text is on rank 0. Documents, pairs, cost, reward, time, what both asked and found, and the
/// transport distance of each run's pairs (at most 2000 of each, drawn by seed) to the holdout in the vectors of the
/// first run's encoder. `job` is the first run, with its settings; `other` the second. Without a readable reference the
/// distances are left out.
std::string compare_runs(Job& job, const Workspace& other);

}  // namespace equal::job
