// What the job runs on: ranks, hosts, threads, CPU features; checked at start-up.
#pragma once

#include <cstddef>
#include <string>

#include "equal/comm/communicator.hpp"
#include "equal/settings/settings.hpp"

namespace equal::cli {

/// Throws UsageError when Slurm, the launcher or job.expect_ranks promise another number of ranks than MPI shows (N
/// silent singletons).
void check_ranks(const comm::Communicator& world, const settings::Settings& settings);

/// Collective. Threads of this rank: the setting, or its share of the cores that it may use.
std::size_t threads_of_rank(comm::Communicator& world, const settings::Settings& settings);

/// Collective. Logs library, ranks, hosts, threads, BLAS and CPU features on rank 0; a mixture of CPUs is a warning.
void log_machine(comm::Communicator& world, std::size_t threads);

/// "avx2 fma avx512f": what this CPU has of what kernels ask for.
std::string cpu_features();

}  // namespace equal::cli
