// What a workspace holds, as text for people. Local; reads only.
#pragma once

#include <string>
#include <vector>

#include "equal/job/workspace.hpp"

namespace equal::job {

/// Closing summary of a run: documents, pairs, what was spent, time per stage, files.
std::string summary(const Workspace& workspace);
/// Share of the asked documents that stayed unanswered.
double loss_share(const Workspace& workspace);
/// what: nothing (overview), {"rounds"}, {"round", N}, {"arms"}, {"arm", N}, {"partition", N}, {"document", N} (with
/// why it was chosen), {"pair", DOCUMENT, N}.
std::string inspect(const Workspace& workspace, const std::vector<std::string>& what);

}  // namespace equal::job
