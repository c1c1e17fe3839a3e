// The subcommands. Only this area prints results and decides exit codes.
#pragma once

#include <string>
#include <vector>

#include "equal/comm/communicator.hpp"

namespace equal::cli {

/// Collective. Runs one command line (without the program's name) and returns the exit code.
int run_command(comm::Communicator& world, const std::vector<std::string>& words);

}  // namespace equal::cli
