// Input files -> documents, in chunks that become partitions.
//
// Inputs: JSON Lines (.jsonl, .ndjson, .json with one object a line); text (.txt, .md, .markdown), one document a file;
// WARC
// (.warc, .wet): its text records, as Common Crawl's WET files hold them. Each plain or gzip or zstd (several members
// or frames are fine); compression is told by content, not by name. And .parquet (where the build has Arrow): one
// document a row, columns named by the fields below (text; text or whole number; list of structs, or text that holds it
// as JSON).
//
// Chunk j of a JSON Lines file is the lines that start in bytes [j * partition_bytes, (j+1) * partition_bytes) of the
// decompressed file; so chunks, documents and their order follow from inputs and settings alone. Chunks of a plain file
// can be read in any order by anyone; those of a compressed file come one after another out of one reader. WARC records
// are treated as lines of a compressed file are. Text files of a folder are taken in the order of their paths, a new
// chunk whenever one holds partition_bytes; row groups of a Parquet file likewise, by their uncompressed bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/store/document.hpp"

namespace equal::store {

struct CorpusParams {
  std::uint64_t partition_bytes = std::uint64_t{256}
                                  << 20;                   ///< of (decompressed) input a chunk; decides the partitions
  std::uint64_t max_line_bytes = std::uint64_t{64} << 20;  ///< longer lines (or text files) are bad; bounds the memory
  std::uint64_t max_words = 512;                           ///< longer documents are cut into pieces; 0: never
  std::string id_field = "id";                             ///< text or number; may be missing
  std::string text_field = "text";
  std::string pairs_field = "qas";  ///< list of objects; may be missing
  std::string question_field = "question", answer_field = "answer";
  bool keep_metadata = true;      ///< all other fields, as JSON
  std::size_t max_reported = 20;  ///< bad lines a chunk that are kept with their excerpt
};

enum class InputKind { json_lines, text_files, warc_records, parquet_rows };

struct Input {
  std::string name;  ///< as the user gave it, or below the folder that the user gave
  InputKind kind = InputKind::json_lines;
  bool compressed = false;
  std::vector<std::filesystem::path> files;    ///< one; of text_files all files of one folder, sorted by path
  std::vector<std::uint64_t> sizes;            ///< bytes on disk
  std::uint64_t bytes = 0;                     ///< sum of sizes
  std::vector<std::uint64_t> row_group_bytes;  ///< of a Parquet file, uncompressed

  /// Whether any chunk can be read by itself.
  bool splittable() const noexcept {
    return kind != InputKind::warc_records && (kind != InputKind::json_lines || !compressed);
  }
  /// The number of chunks; nothing for an input that must be read to know.
  std::optional<std::uint64_t> chunks(const CorpusParams& params) const;
};

/// Files, folders (with all below them, hidden ones left out) and globs, in the order given, each sorted by path. In a
/// folder, files of other kinds are passed over and the text files form one Input. Throws UsageError naming what does
/// not exist, is of no known kind, or matches nothing.
std::vector<Input> list_inputs(const std::vector<std::string>& names);

/// SHA-256 over names, sizes and samples of the content (16 pieces of 64 KiB a file, of at most 64 files): tells a
/// resumed run that its input is another one. Times do not enter. An edit that keeps the size and misses the samples is
/// not seen.
std::string fingerprint(const Input& input);

enum class BadReason { broken_json, not_utf8, not_an_object, no_text, blank_text, wrong_type, too_long };
inline constexpr std::size_t kBadReasons = 7;
const char* name_of(BadReason reason) noexcept;

struct BadLine {
  BadReason reason{};
  std::string file;
  std::uint64_t chunk = 0;
  std::uint64_t line = 0;       ///< 1-based inside the chunk; 0 for a text file
  std::uint64_t position = 0;   ///< as Document::position
  std::string detail, excerpt;  ///< printable ASCII
};

/// "a.jsonl:17: broken JSON (...): {"id": ..." `lines_before`: lines of the earlier chunks of the same input.
std::string describe(const BadLine& bad, std::uint64_t lines_before);

struct ChunkTally {
  std::uint64_t lines = 0;      ///< all, blank and bad ones included (or text files, records, rows)
  std::uint64_t blank = 0;      ///< lines of blanks: passed over in silence
  std::uint64_t documents = 0;  ///< whole documents
  std::uint64_t pieces = 0;     ///< documents after cutting
  std::uint64_t pairs = 0;
  std::uint64_t bytes = 0;  ///< of input
  std::array<std::uint64_t, kBadReasons> bad{};
  std::vector<BadLine> reported;  ///< the first CorpusParams::max_reported
  std::uint64_t bad_lines() const noexcept;
};

/// Reads one input from chunk `first_chunk` on (what lies before in a compressed file is decompressed but not parsed).
///
///   CorpusReader reader(params, input, 0, &pool);
///   while (reader.next_chunk()) {
///     while (reader.next(documents)) ...
///     use(reader.chunk(), reader.tally());
///   }
///
/// Memory: about 16 MiB, max(8 MiB, 2 * the longest line up to max_line_bytes), and the documents of a block. Documents
/// are the same for any pool. Throws DataError when the file cannot be read or its compression is broken (truncated:
/// named with the offset).
class CorpusReader {
 public:
  /// The pool, if any, must outlive the reader; next() runs on it.
  CorpusReader(CorpusParams params, Input input, std::uint64_t first_chunk = 0, ThreadPool* pool = nullptr);
  ~CorpusReader();
  CorpusReader(CorpusReader&&) noexcept;

  /// Goes to the next chunk (what is left of the current one is passed over); false after the last. Chunks without any
  /// line start (inside a huge line) are given too, empty.
  bool next_chunk();
  std::uint64_t chunk() const noexcept;  ///< REQUIRES: next_chunk() returned true
  /// Replaces `documents` by the next ones of the chunk, in order (some MiB); false at its end.
  bool next(std::vector<Document>& documents);
  const ChunkTally& tally() const noexcept;  ///< of the current chunk, so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::store
