// What this build of linalg is made of, for `equal --version --verbose`. BLAS: gemm.hpp.
#pragma once

#include <string>

namespace equal::linalg {

/// "3.0.0", or empty in a build without oneDNN.
std::string onednn_version();
/// Instruction sets that this build has kernels for beside the portable ones; which one runs, the CPU decides.
std::string kernels_description();

}  // namespace equal::linalg
