// The commands that all ranks carry out together. Settings are valid by now; each throws on all ranks what one of them
// meets.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "equal/comm/communicator.hpp"
#include "equal/settings/settings.hpp"

namespace equal::cli {

/// Collective. Takes the workspace's lock, makes threads, runs the stages one after another; returns the exit code: 0,
/// or that of Family::checkpointed (stopped on request) or Family::losses (more than job.max_loss unanswered).
int run_stages(comm::Communicator& world, const settings::Settings& settings, const std::vector<std::string>& stages);

/// Collective. `equal extract --dry-run`: takes no lock and writes nothing.
int run_dry(comm::Communicator& world, const settings::Settings& settings);

/// Collective. `equal compare`: the run of the settings beside that in the workspace `other`; looks only.
int run_comparison(comm::Communicator& world, const settings::Settings& settings, const std::string& other);

/// Collective. `equal bench`: measures, and writes the machine profile `file` on rank 0.
int run_bench(comm::Communicator& world, const settings::Settings& settings, const std::filesystem::path& file);

}  // namespace equal::cli
