// What can be known to go wrong before hours are spent on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "equal/comm/communicator.hpp"
#include "equal/job/job.hpp"
#include "equal/job/workspace.hpp"

namespace equal::job {

/// Local. Looks for the inputs, reads the small files that a whole run comes to late (references, prompts of the
/// extractor, benchmarks of the export, the model of the encoder but for its weights) and makes budget and extractor
/// once for nothing. Throws UsageError or DataError as the stages would that need them; sends and writes nothing.
void check_settings(comm::Communicator& comm, const settings::Settings& settings);

/// Collective. Throws an agreed EnvironmentError when the workspace cannot be written, synced or renamed in, or when a
/// rank does not see what rank 0 wrote there (it must lie on a file system that all hosts share). Warns when the file
/// system lets two ranks create the same new file (its locks cannot be trusted), and when clocks differ by more than 30
/// s.
void check_workspace(comm::Communicator& comm, const Workspace& workspace);

/// Collective. Throws an agreed EnvironmentError naming the missing amount when the workspace's file system has less
/// room than the stage needs. `bytes` is what it writes in all; what lies in `folder` already is taken off. Matters on
/// rank 0.
void require_space(Job& job, const std::string& stage, std::uint64_t bytes, const std::filesystem::path& folder);

}  // namespace equal::job
