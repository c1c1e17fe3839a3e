// This machine: its name, as messages and locks give it, and its processes.
#pragma once

#include <string>

namespace equal {

std::string host_name();  ///< "unknown" where the system does not say

/// Whether a process of this machine runs. One that was killed and that nobody has waited for yet (in a container often
/// for long) does not.
bool process_runs(int pid);

}  // namespace equal
