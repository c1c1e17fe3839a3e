// How a run stands: for people, programs and Prometheus. Local; reads only.
#pragma once

#include <string>

#include "equal/base/json.hpp"
#include "equal/job/workspace.hpp"

namespace equal::job {

/// {"workspace", "running", "silent_seconds": since the lock was touched, where there is one, "stages": {name: facts},
/// "extraction": status.json, where there is one}; a status.json whose checksum does not fit is left out, and "damaged"
/// says so. Throws UsageError when there is no such folder.
Json status_data(const Workspace& workspace);

struct StatusStyle {
  std::size_t columns = 80;  ///< of the terminal; lines are cut to them
  bool colours = false;      ///< ANSI
};
/// One line a stage, then the extraction with a bar. Plain text without colours.
std::string status_text(const Json& status, const StatusStyle& style);

/// Prometheus' text format 0.0.4: equal_stage_complete{stage}, equal_stage_seconds{stage}, equal_running,
/// equal_documents_asked, ..., all with the label workspace.
std::string status_prometheus(const Json& status);

}  // namespace equal::job
