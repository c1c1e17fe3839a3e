// Segmentation faults, aborts and the like say where they happened before they take their course.
#pragma once

#include <string>

namespace equal::comm {

/// Local. From now on a fatal signal first writes "<where>: <signal>" to standard error, then what was installed before
/// takes over (Open MPI prints a stack and ends the job).
void report_crashes_as(const std::string& where);

}  // namespace equal::comm
