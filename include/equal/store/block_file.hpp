// The unfinished partition of a stage: numbered blocks appended one by one, each durable before the next.
// Format "Block files" of docs/formats.md: a torn or damaged tail is dropped on opening and the stage goes on from there.
#pragma once

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
  /// Opens `path`, or creates it. `source` (64 hex digits) is the digest of what the blocks are made from: blocks of another
  /// source are dropped, as is everything from the first damaged block on. Throws EnvironmentError.
  BlockFile(std::filesystem::path path, const std::string& source);

  std::uint64_t next_block() const noexcept { return next_; }        ///< number of the next block to append, from 0
  std::uint64_t dropped_bytes() const noexcept { return dropped_; }  ///< what opening cut off: worth a warning

  /// Appends block next_block(); durable when this returns. After an exception the object must not be used any more: open the
  /// file again.
  void append(std::string_view payload);

  /// Calls visit(number, payload) for every block in order. Memory: one block. Throws DataError when the file was damaged
  /// since it was opened.
  void for_each(const std::function<void(std::uint64_t, std::string_view)>& visit) const;

  /// Closes and deletes the file (after the finished file was published).
  void remove();

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t next_ = 0, end_ = 0, dropped_ = 0;
};

}  // namespace equal::store
