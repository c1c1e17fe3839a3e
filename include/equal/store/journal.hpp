// The append-only journal: journal/rank-00003.g0007.jsonl, one record a line behind its CRC (docs/formats.md,
// "Journal"). A record is durable once sync() returned after its append(), and not before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/files.hpp"

namespace equal::store {

/// The generation that a new start uses: one more than the highest in the folder, 0 in an empty or missing one. Rank 0
/// asks and tells the others.
std::uint32_t next_generation(const std::filesystem::path& folder);

class JournalWriter {
 public:
  /// Creates the file; it must not exist. The folder is created when missing. Throws EnvironmentError.
  JournalWriter(const std::filesystem::path& folder, int rank, std::uint32_t generation);
  /// Syncs what is left; errors are logged.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// Queues one record: JSON text without a line break. Returns its sequence number (1, 2, ... in this file).
  std::uint64_t append(std::string_view record);
  /// Writes and fdatasyncs all queued records; returns the last durable sequence number. After an error (disk full,
  /// I/O) the file is cut back to what was durable and every further call throws EnvironmentError: start again.
  std::uint64_t sync();
  std::uint64_t durable() const noexcept { return durable_; }
  bool pending() const noexcept { return appended_ != durable_; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void fail_if_broken() const;
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::string queue_;
  std::uint64_t appended_ = 0, durable_ = 0, durable_bytes_ = 0;
  bool broken_ = false;
};

struct JournalRecord {
  std::string_view json;  ///< valid during the call
  std::filesystem::path file;
  std::uint64_t line = 0;    ///< 1-based
  std::uint64_t offset = 0;  ///< of the line in the file, for read_journal_record()
  int rank = 0;
  std::uint32_t generation = 0;
};

struct JournalReport {
  std::uint64_t records = 0;
  std::vector<std::string> warnings;  ///< dropped torn tails, with file and line
};

/// Calls visit for every record of the folder, by generation, then rank, then line. A missing folder is empty. A
/// damaged tail (nothing valid after it) is dropped with a warning; damage before a valid record is a DataError naming
/// file:line. Other files in the folder are ignored. Memory: one line.
JournalReport read_journal(const std::filesystem::path& folder, const std::function<void(const JournalRecord&)>& visit);

/// One record again, by the offset and JSON length that read_journal() gave. Throws DataError when it is no longer
/// intact.
std::string read_journal_record(const std::filesystem::path& file, std::uint64_t offset, std::uint64_t json_bytes);

}  // namespace equal::store
