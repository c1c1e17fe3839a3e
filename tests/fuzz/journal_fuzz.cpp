// Journals, as they are and sealed: with the right CRC in front of every line, so that what lies behind the check is
// reached.
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/store/journal.hpp"

#include "rounds_log.hpp"
#include "target.hpp"

namespace equal::fuzz {
namespace {

std::string sealed(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const auto [line, rest] = split(lines, '\n');
    out += format("{:08x} {}\n", crc32(line), line);
    lines = rest;
  }
  return out;
}

void fuzz_journal(std::string_view bytes) {
  const auto [way, rest] = first_byte(bytes);
  const std::string whole = way % 2 == 0 ? std::string(rest) : sealed(rest);
  // A sealed journal is torn anywhere: that is no damage, and what is read is a prefix.
  const std::size_t torn = way % 4 == 3 ? whole.size() * (way / 4) / 63 : whole.size();
  const auto path = file_of("rank-00000.g0000.jsonl", std::string_view(whole).substr(0, torn));
  std::vector<std::string> records;
  try {
    const auto report = store::read_journal(folder(), [&](const store::JournalRecord& record) {
      check(store::read_journal_record(record.file, record.offset, record.json.size()) == record.json,
            "a record is found again by its place");
      records.emplace_back(record.json);
    });
    check(report.records == records.size(), "all records are counted");
    if (way % 2 == 1) {
      std::string again;
      for (const std::string& record : records) again += format("{:08x} {}\n", crc32(record), record);
      check(whole.starts_with(again) && whole.size() - again.size() >= whole.size() - torn, "a prefix");
      check(again.size() == torn || !report.warnings.empty(), "what is dropped is said");
    }
  } catch (const DataError&) {
    check(way % 2 == 0, "a torn end is no damage");
  }
  std::filesystem::remove(path);
}

/// rounds.jsonl has its CRC in the last member of each line.
std::string with_checksums(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const auto [line, rest] = split(lines, '\n');
    const std::string_view body = line.substr(0, line.size() - (line.ends_with('}') ? 1 : 0));
    out += format("{},\"crc\":\"{:08x}\"}}\n", body, crc32(body));
    lines = rest;
  }
  return out;
}

void fuzz_rounds(std::string_view bytes) {
  const auto [way, rest] = first_byte(bytes);
  const auto path = file_of("rounds.jsonl", way % 2 == 0 ? std::string(rest) : with_checksums(rest));
  try {
    job::read_rounds(path);
  } catch (const DataError&) {
  }
}

const Registered kJournal("journal", fuzz_journal), kRounds("rounds", fuzz_rounds);

}  // namespace
}  // namespace equal::fuzz
