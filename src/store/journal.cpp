#include "equal/store/journal.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kCrcDigits = 8;
constexpr std::uint64_t kMaxLineBytes = std::uint64_t{256} << 20;

struct JournalName {
  int rank = 0;
  std::uint32_t generation = 0;
};

template <class T>
bool take_number(std::string_view& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_text(std::string_view& text, std::string_view expected) {
  if (text.substr(0, expected.size()) != expected) return false;
  text.remove_prefix(expected.size());
  return true;
}

/// rank-00003.g0007.jsonl
std::optional<JournalName> parse_name(const std::string& name) {
  JournalName out;
  std::string_view rest = name;
  if (take_text(rest, "rank-") && take_number(rest, out.rank) && take_text(rest, ".g") &&
      take_number(rest, out.generation) && rest == ".jsonl") {
    return out;
  }
  return std::nullopt;
}

std::vector<std::pair<JournalName, fs::path>> list_journals(const fs::path& folder) {
  std::vector<std::pair<JournalName, fs::path>> out;
  if (!fs::exists(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (const auto name = parse_name(entry.path().filename().string())) out.emplace_back(*name, entry.path());
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.generation, a.first.rank, a.second) < std::tie(b.first.generation, b.first.rank, b.second);
  });
  return out;
}

/// The JSON text of an intact line "<8 lower-case hex digits> <json>".
std::optional<std::string_view> record_of(std::string_view line) {
  if (line.size() <= kCrcDigits || line[kCrcDigits] != ' ') return std::nullopt;
  const std::string_view json = line.substr(kCrcDigits + 1);
  return format("{:08x}", crc32(json)) == line.substr(0, kCrcDigits) ? std::optional(json) : std::nullopt;
}

/// Lines of a file one after another; a last line without its line break counts as damaged.
class LineScanner {
 public:
  explicit LineScanner(const fs::path& path) : path_(path.string()), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!fd_) throw DataError(path_ + ": cannot be opened: " + errno_text(errno));
  }
  /// Where the line that next() gave last starts in the file.
  std::uint64_t line_offset() const noexcept { return line_offset_; }
  bool next(std::string_view& line, bool& complete) {
    line_offset_ = offset_ - (buffer_.size() - begin_);
    while (true) {
      const std::size_t end = buffer_.find('\n', searched_);
      if (end != std::string::npos) {
        line = std::string_view(buffer_).substr(begin_, end - begin_);
        begin_ = searched_ = end + 1;
        return complete = true;
      }
      searched_ = buffer_.size();
      if (!fill()) break;
    }
    line = std::string_view(buffer_).substr(begin_);
    begin_ = buffer_.size();
    complete = false;
    return !line.empty();
  }

 private:
  bool fill() {
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    if (buffer_.size() > kMaxLineBytes)
      throw DataError(path_ + ": a line is longer than any record can be: this is no journal");
    const std::size_t held = buffer_.size();
    buffer_.resize(held + (1 << 18));
    const std::size_t got =
        read_at(fd_.get(), std::as_writable_bytes(std::span(buffer_)).subspan(held), offset_, path_);
    buffer_.resize(held + got);
    offset_ += got;
    return got > 0;
  }
  std::string path_;
  FileDescriptor fd_;
  std::string buffer_;
  std::size_t begin_ = 0, searched_ = 0;
  std::uint64_t offset_ = 0, line_offset_ = 0;
};

}  // namespace

std::uint32_t next_generation(const fs::path& folder) {
  const auto journals = list_journals(folder);
  return journals.empty() ? 0 : journals.back().first.generation + 1;
}

JournalWriter::JournalWriter(const fs::path& folder, int rank, std::uint32_t generation)
    : path_(folder / format("rank-{:05}.g{:04}.jsonl", rank, generation)) {
  std::error_code error;
  fs::create_directories(folder, error);
  fd_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
  if (!fd_) throw EnvironmentError(path_.string() + ": cannot be created: " + errno_text(errno));
  sync_folder(folder);
}

JournalWriter::~JournalWriter() {
  if (broken_ || !fd_) return;
  try {
    sync();
  } catch (const Error& e) {
    log::error("{}", e.what());
  }
}

void JournalWriter::fail_if_broken() const {
  if (broken_) throw EnvironmentError(path_.string() + ": an earlier write failed; run the same command again");
}

std::uint64_t JournalWriter::append(std::string_view record) {
  fail_if_broken();
  if (record.find('\n') != std::string_view::npos) throw InternalError(path_.string() + ": a record with a line break");
  queue_.append(format("{:08x} ", crc32(record))).append(record).push_back('\n');
  return ++appended_;
}

std::uint64_t JournalWriter::sync() {
  fail_if_broken();
  if (!pending()) return durable_;
  try {
    write_all(fd_.get(), queue_, path_.string());
    if (::fdatasync(fd_.get()) != 0)
      throw EnvironmentError(path_.string() + ": fdatasync failed: " + errno_text(errno));
  } catch (...) {
    // After a failed sync the kernel may have dropped the pages: nothing that this file says later could be trusted.
    broken_ = true;
    if (::ftruncate(fd_.get(), static_cast<off_t>(durable_bytes_)) != 0) {
      log::warn("{}: cannot be cut back after a failed write: {}", path_.string(), errno_text(errno));
    }
    throw;
  }
  durable_bytes_ += queue_.size();
  queue_.clear();
  return durable_ = appended_;
}

JournalReport read_journal(const fs::path& folder, const std::function<void(const JournalRecord&)>& visit) {
  JournalReport report;
  for (const auto& [name, path] : list_journals(folder)) {
    LineScanner scanner(path);
    std::string_view line;
    bool complete = false;
    std::uint64_t number = 0, first_damaged = 0;
    while (scanner.next(line, complete)) {
      ++number;
      const auto json = complete ? record_of(line) : std::nullopt;
      if (!json) {
        if (first_damaged == 0) first_damaged = number;
        continue;
      }
      if (first_damaged != 0) {
        throw DataError(
            format("{}:{}: damaged: the CRC does not match, yet intact records follow. Restore the file; or delete the "
                   "damaged line: its document counts as never asked and may be asked again",
                   path.string(), first_damaged));
      }
      visit({*json, path, number, scanner.line_offset(), name.rank, name.generation});
      ++report.records;
    }
    if (first_damaged != 0) {
      report.warnings.push_back(
          format("{}:{}: the end of the file is torn and was dropped ({} line{}; never reported as durable)",
                 path.string(), first_damaged, number - first_damaged + 1, number == first_damaged ? "" : "s"));
    }
  }
  return report;
}

std::string read_journal_record(const fs::path& file, std::uint64_t offset, std::uint64_t json_bytes) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw DataError(file.string() + ": cannot be opened: " + errno_text(errno));
  std::string line(kCrcDigits + 1 + json_bytes, '\0');
  const std::size_t got = read_at(fd.get(), std::as_writable_bytes(std::span(line)), offset, file.string());
  const auto json = got == line.size() ? record_of(line) : std::nullopt;
  if (!json)
    throw DataError(format("{}: the record at byte {} is damaged, though it was intact when the journal was read",
                           file.string(), offset));
  return std::string(*json);
}

}  // namespace equal::store
