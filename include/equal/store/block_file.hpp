// The unfinished partition of a stage: numbered blocks appended one by one. What a process wrote survives its end; of
// what it wrote in the last 30 s a power cut may take a part. Format "Block files" of docs/formats.md: a torn or
// damaged tail is dropped on opening and the stage goes on from there.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "equal/base/files.hpp"

namespace equal::store {

class BlockFile {
 public:
  /// What is worth syncing: `kept` blocks are synced every 30 s, `scratch` never (cheap to make again).
  enum class Sync { kept, scratch };

  /// Opens `path`, or creates it. `source` (64 hex digits) is the digest of what the blocks are made from: blocks of
  /// another source are dropped, as is everything from the first damaged block on. Throws EnvironmentError.
  BlockFile(std::filesystem::path path, const std::string& source, Sync sync = Sync::kept);

  std::uint64_t next_block() const noexcept { return next_; }        ///< number of the next block to append, from 0
  std::uint64_t dropped_bytes() const noexcept { return dropped_; }  ///< what opening cut off: worth a warning

  /// Appends block next_block(). After an exception the object must not be used any more: open the file again.
  void append(std::string_view payload);

  /// Calls visit(number, payload) for every block in order. Memory: one block. Throws DataError when the file was
  /// damaged since it was opened.
  void for_each(const std::function<void(std::uint64_t, std::string_view)>& visit) const;

  /// Closes and deletes the file (after the finished file was published).
  void remove();

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t next_ = 0, end_ = 0, dropped_ = 0;
  Sync sync_;
  std::chrono::steady_clock::time_point synced_ = std::chrono::steady_clock::now();
};

/// Calls visit(number, payload) for every intact block of a file made from `source`, in order; returns how many there
/// are. One pass over the file, which is not changed. Memory: one block. Throws DataError when the file cannot be
/// opened.
std::uint64_t read_blocks(const std::filesystem::path& path, const std::string& source,
                          const std::function<void(std::uint64_t, std::string_view)>& visit);

}  // namespace equal::store
