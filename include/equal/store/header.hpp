// What every immutable file of a workspace says about itself (docs/formats.md, "Array files").
//
// All array files (partition, embeddings, clusters, assignment) are HDF5 written once under a temporary name and
// published. Readers use the HDF5 library only while opening, under one lock, with file locking off; data are then read
// with pread, so one reader may serve several threads, and readers of one file may live in several processes. Every 64
// KiB block carries a CRC-32 that is checked the first time the block is read; the CRC tables, shapes and attributes
// are covered by the content digest, which is checked on opening. Damage is a DataError that names file and dataset,
// never a wrong value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace equal::store {

/// Names and digests (hex) of what a file was made from, e.g. {"partition": ..., "encoder": ...}.
using MadeFrom = std::map<std::string, std::string>;

/// How much is checked when a file is opened: the header chain and sizes, or also the SHA-256 of every dataset (reads
/// all).
enum class Verify { header, everything };

struct FileHeader {
  std::string format;          ///< "equal-partition", ...
  std::uint64_t version = 0;   ///< of the format
  std::string content_digest;  ///< SHA-256 over attributes, shapes and data: equal content, equal digest
  MadeFrom made_from;
};

/// The header of any array file. Throws DataError when it is none.
FileHeader read_header(const std::filesystem::path& path);

/// folder / "part-00042.h5"
std::filesystem::path partition_file(const std::filesystem::path& folder, std::uint32_t partition);

}  // namespace equal::store
