// The MPI library that this build has.
#pragma once

#include <string>

namespace equal::comm {

/// Local. "Open MPI v4.1.4". May be called without with_mpi().
std::string mpi_description();

}  // namespace equal::comm
