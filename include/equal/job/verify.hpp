// Every digest and checksum of a workspace, checked against the bytes. Local; reads only, all of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equal/job/workspace.hpp"

namespace equal::job {

struct Verified {
  std::uint64_t checked = 0;         ///< files
  std::vector<std::string> damaged;  ///< one message a file, each naming it
  std::vector<std::string> notes;    ///< torn ends of files that are appended to: dropped on resuming
};

/// Throws UsageError when there is no such workspace.
Verified verify(const Workspace& workspace);

}  // namespace equal::job
