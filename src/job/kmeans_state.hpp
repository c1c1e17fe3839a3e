// k-means between two iterations, on disk: gen-0/kmeans.state (docs/formats.md). A help for resuming and no result: one
// that is damaged or was made from something else is dropped with a warning.
#pragma once

#include <optional>
#include <string>

#include "equal/cluster/kmeans.hpp"
#include "equal/job/job.hpp"

namespace equal::job {

/// Local, rank 0. `source`: digest of all that decides the fit.
void write_kmeans_state(const Workspace& workspace, const std::string& source, const cluster::KMeansState& state);

/// Collective. Rank 0's state on all ranks, or nothing.
std::optional<cluster::KMeansState> read_kmeans_state(Job& job, const std::string& source);

/// Throws DataError when the file is damaged.
void check_kmeans_state(const Workspace& workspace);

}  // namespace equal::job
