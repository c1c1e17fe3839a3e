// equal status on a terminal or in a log.
#pragma once

#include <string>

#include "equal/job/workspace.hpp"

namespace equal::cli {

/// The status for standard output: as wide as the terminal, in colours there unless NO_COLOR is set; plain elsewhere.
std::string status_for_output(const job::Workspace& workspace);

/// Shows the status again and again until no job holds the workspace or an interrupt ends the program: in place on a
/// terminal, every 2 s; elsewhere a block whenever something changed.
void watch_status(const job::Workspace& workspace);

}  // namespace equal::cli
