// An HDF5 file driver that keeps what the library writes in memory: the few kilobytes of metadata of a new file. The
// writer puts them into the file itself. So the library never meets a full or failing disk, from which its closing does
// not recover (it crashes at exit), and all errors carry errno and the file's name.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hdf5_handle.hpp"

namespace equal::store::hdf5 {

/// The library's writes, in their order; later ones count.
struct MetadataLog {
  std::vector<std::pair<std::uint64_t, std::string>> writes;  // (address, bytes)
  std::uint64_t file_bytes = 0;                               // the size that the file is to have

  void write(std::uint64_t address, const char* bytes, std::size_t size);
  void read(std::uint64_t address, char* bytes, std::size_t size) const;  // zeros where nothing was written
};

/// File access that captures into `log`, which must outlive the file.
Handle capturing_access(MetadataLog& log);

}  // namespace equal::store::hdf5
