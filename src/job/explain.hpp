// Why things are as they are in a run: partition, document, pair. Local; reads only.
#pragma once

#include <cstdint>
#include <string>

#include "equal/job/workspace.hpp"

namespace equal::job {

/// What a partition holds: documents, bytes, digest, its inputs, its largest arms.
std::string explain_partition(const Workspace& workspace, std::uint64_t partition);

/// Why the document was chosen, or that it was not: what was known of its arm when it was asked, and what came of it.
/// Ends with a line break.
std::string explain_choice(const Workspace& workspace, std::uint64_t document);

/// A pair whole: its credit, and whether the last export took it or why not.
std::string explain_pair(const Workspace& workspace, std::uint64_t document, std::uint64_t pair);

}  // namespace equal::job
