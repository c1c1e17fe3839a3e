#include "equal/store/header.hpp"

#include "equal/base/log.hpp"

#include "hdf5_file.hpp"

namespace equal::store {

FileHeader read_header(const std::filesystem::path& path) {
  return ArrayFileReader(path, "", ~std::uint64_t{0}, Verify::header).header();
}

std::filesystem::path partition_file(const std::filesystem::path& folder, std::uint32_t partition) {
  return folder / format("part-{:05}.h5", partition);
}

}  // namespace equal::store
