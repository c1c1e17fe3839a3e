#include "version.hpp"

#include "equal/base/log.hpp"
#include "equal/comm/library.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/linalg/libraries.hpp"
#include "equal/net/library.hpp"
#include "equal/store/libraries.hpp"

#include "build_facts.hpp"
#include "machine.hpp"

namespace equal::cli {
namespace {

std::string or_absent(const std::string& value, const char* absent) { return value.empty() ? absent : value; }

}  // namespace

std::string version_text(bool verbose) {
  std::string out = format("equal {}\n", EQUAL_VERSION);
  const auto line = [&](std::string_view name, std::string_view value) { out += format("{:<13} {}\n", name, value); };
  if (!verbose) {
    line("BLAS", linalg::blas_description());
    line("CPU here", cpu_features());
    return out;
  }
  line("commit", kCommit);
  line("compiler", kCompiler);
  line("build type", kBuildType);
  line("MPI", comm::mpi_description());
  line("HDF5", store::hdf5_version());
  line("BLAS", linalg::blas_description());
  line("oneDNN", or_absent(linalg::onednn_version(), "no: k-means screens with its own kernels"));
  line("zstd", or_absent(store::zstd_version(), "no: .zst files are refused"));
  line("Parquet",
       or_absent(store::parquet_module_place(), "no: .parquet files are refused (no Arrow module beside the program)"));
  line("HTTP", net::curl_description());
  line("CPU kernels", linalg::kernels_description());
  line("CPU here", cpu_features());
  return out;
}

}  // namespace equal::cli
