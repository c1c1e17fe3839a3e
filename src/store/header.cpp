#include "equal/store/header.hpp"

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "hdf5_file.hpp"

namespace equal::store {

void require_made_from(const FileHeader& header, const std::filesystem::path& path, const std::string& input,
                       const std::string& expected, const std::string& setting) {
  const auto found = header.made_from.find(input);
  if (found != header.made_from.end() && found->second == expected) return;
  throw DataError(
      format("{}: made_from.{} is {}; expected {}: it was made from something else ({} changed?). "
             "Run that stage again, or use another workspace",
             path.string(), input, found == header.made_from.end() ? "missing" : found->second, expected, setting));
}

FileHeader read_header(const std::filesystem::path& path) {
  return ArrayFileReader(path, "", ~std::uint64_t{0}, Verify::header).header();
}

std::filesystem::path partition_file(const std::filesystem::path& folder, std::uint32_t partition) {
  return folder / format("part-{:05}.h5", partition);
}

}  // namespace equal::store
