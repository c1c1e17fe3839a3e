#include "dropped.hpp"

#include <fstream>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/store/journal.hpp"

namespace equal::job {

std::uint64_t write_dropped(const std::filesystem::path& journal, const std::string& extractor,
                            const std::filesystem::path& file) {
  std::ofstream out(temporary_name(file), std::ios::binary | std::ios::trunc);
  std::uint64_t n = 0;
  store::read_journal(journal, [&](const store::JournalRecord& record) {
    const Json json = parse_json(record.json, format("{}:{}", record.file.string(), record.line));
    if (json.value("extractor", "") != extractor || !json.contains("rejected_pairs")) return;
    for (const Json& pair : json["rejected_pairs"]) {
      Json line = {{"document", json["id"]}};
      line.update(pair);
      out << dump_json(line) << '\n';
      ++n;
    }
  });
  out.close();
  if (!out) throw EnvironmentError(temporary_name(file).string() + ": cannot be written; is the disk full?");
  publish(file);
  return n;
}

}  // namespace equal::job
