// What this build of the store is made of, for `equal --version --verbose`.
#pragma once

#include <string>

namespace equal::store {

std::string hdf5_version();
std::string zstd_version();  ///< empty in a build without zstd
/// Where the Parquet module was found; empty where there is none. Loads it.
std::string parquet_module_place();

}  // namespace equal::store
