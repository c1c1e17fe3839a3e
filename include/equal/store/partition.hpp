// One immutable file of documents: corpus/part-00000.h5. Format "equal-partition" version 1 (docs/formats.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/store/document.hpp"
#include "equal/store/header.hpp"

namespace equal::store {

/// Collects the documents of a partition in memory (so a partition's bytes are the memory it takes) and writes them in
/// one go.
class PartitionWriter {
 public:
  /// `text_bytes`: about how much text is to come; memory for it is taken at once instead of by doubling.
  explicit PartitionWriter(std::filesystem::path path, std::uint64_t text_bytes = 0);
  ~PartitionWriter();
  PartitionWriter(PartitionWriter&&) noexcept;

  void add(const Document& document);
  std::uint64_t count() const noexcept;
  std::uint64_t text_bytes() const noexcept;

  /// Writes, publishes, returns the content digest. The same documents give the same bytes. Throws EnvironmentError.
  std::string finish(const MadeFrom& made_from);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Texts of consecutive documents; views into one buffer that the block owns.
struct TextBlock {
  std::uint64_t first = 0;  ///< index of texts[0] in the partition
  std::vector<std::string_view> texts;
  std::string buffer;
};

/// Indices are positions in the partition, 0 .. count()-1; REQUIRES of all functions: index < count(). Thread-safe.
class PartitionReader {
 public:
  /// Throws DataError when the file is missing, damaged, or of another format or version.
  explicit PartitionReader(std::filesystem::path path, Verify verify = Verify::header);
  ~PartitionReader();
  PartitionReader(PartitionReader&&) noexcept;

  const FileHeader& header() const noexcept;
  const std::filesystem::path& path() const noexcept;
  std::uint64_t count() const noexcept;
  std::uint64_t text_bytes() const noexcept;

  // Random access: one or two small reads each.
  std::string id(std::uint64_t index) const;
  std::string text(std::uint64_t index) const;
  std::uint64_t text_size(std::uint64_t index) const;  ///< bytes
  std::string metadata(std::uint64_t index) const;
  std::vector<KnownPair> pairs(std::uint64_t index) const;
  std::string parent(std::uint64_t index) const;
  std::uint64_t parent_offset(std::uint64_t index) const;
  std::string source(std::uint64_t index) const;
  std::uint64_t position(std::uint64_t index) const;
  Digest128 digest(std::uint64_t index) const;
  Document document(std::uint64_t index) const;  ///< everything

  // Whole columns (16 bytes a document).
  std::vector<Digest128> digests() const;
  std::vector<Digest128> whole_digests() const;
  std::vector<Digest128> whole_text_digests() const;

  /// The texts of documents [first, first + n), n as large as possible with n <= max_documents and at most max_bytes of
  /// text, but at least 1. Reuses block's memory. REQUIRES: first < count(), max_documents >= 1.
  void read_texts(std::uint64_t first, std::uint64_t max_documents, std::uint64_t max_bytes, TextBlock& block) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::store
