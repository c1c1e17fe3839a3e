// Stage export: what rounds.jsonl observed, with the texts from the journal, as a data set. May run at any time.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <map>

#include <fcntl.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/store/partition.hpp"

#include "answers.hpp"
#include "rounds_log.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

/// One pair on its way out, by reference: its text is read when it is written.
struct Selected {
  std::uint64_t document = 0, round = 0;
  std::uint32_t arm = 0, pair = 0;
  double credit = 0;
};

/// Pairs in the order in which the run credited them, duplicates left out.
std::vector<Selected> selected_pairs(const Workspace& workspace, const settings::Settings& s) {
  std::vector<Selected> out;
  for (const RoundEvent& event : read_rounds(workspace.rounds())) {
    for (const ObservedDocument& d : event.observed) {
      for (std::uint32_t i = 0; i < d.credits.size(); ++i) {
        if (d.credits[i] >= 0 && d.credits[i] >= s.export_min_credit)
          out.push_back({d.number, event.round, d.arm, i, d.credits[i]});
      }
    }
  }
  if (s.export_top > 0 && s.export_top < out.size()) {
    std::vector<double> credits;
    for (const auto& p : out) credits.push_back(p.credit);
    std::nth_element(credits.begin(), credits.begin() + static_cast<std::ptrdiff_t>(s.export_top - 1), credits.end(),
                     std::greater<>());
    const double least = credits[s.export_top - 1];
    // Of pairs with the least credit the earlier ones stay.
    auto ties = s.export_top - static_cast<std::uint64_t>(std::count_if(
                                   out.begin(), out.end(), [&](const Selected& p) { return p.credit > least; }));
    std::erase_if(out, [&](const Selected& p) {
      if (p.credit > least) return false;
      if (p.credit < least || ties == 0) return true;
      --ties;
      return false;
    });
  }
  return out;
}

Json body(const std::string& form, const extract::Pair& pair) {
  if (form == "alpaca") return {{"instruction", pair.question}, {"input", ""}, {"output", pair.answer}};
  if (form == "sharegpt") {
    return {{"conversations", Json::array({Json{{"from", "human"}, {"value", pair.question}},
                                           Json{{"from", "gpt"}, {"value", pair.answer}}})}};
  }
  if (form == "pairs") return {{"question", pair.question}, {"answer", pair.answer}};
  return {{"messages", Json::array({Json{{"role", "user"}, {"content", pair.question}},
                                    Json{{"role", "assistant"}, {"content", pair.answer}}})}};
}

/// Writes lines through a buffer to the temporary name of a file.
class LineWriter {
 public:
  explicit LineWriter(fs::path path)
      : path_(std::move(path)),
        fd_(::open(temporary_name(path_).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (!fd_) throw EnvironmentError(temporary_name(path_).string() + ": cannot be created: " + errno_text(errno));
  }
  void line(const std::string& text) {
    buffer_ += text;
    buffer_ += '\n';
    if (buffer_.size() > (1 << 20)) flush();
  }
  void finish() {
    flush();
    fd_ = FileDescriptor();
    publish(path_);
  }

 private:
  void flush() {
    write_all(fd_.get(), buffer_, temporary_name(path_).string());
    buffer_.clear();
  }
  fs::path path_;
  FileDescriptor fd_;
  std::string buffer_;
};

std::uint64_t write_data_set(Job& job, const fs::path& file, const std::string& extractor) {
  const Catalog catalog = read_catalog(job.workspace);
  const AnswerIndex index(job.workspace.journal(), extractor);
  const auto pairs = selected_pairs(job.workspace, job.settings);
  std::map<std::uint32_t, store::PartitionReader> partitions;
  LineWriter out(file);
  ProgressLine line("export", "pairs", pairs.size());
  std::uint64_t written = 0, document = ~std::uint64_t{0};
  JournalAnswer answer;
  Json origin;
  for (const Selected& p : pairs) {
    if (p.document != document) {
      document = p.document;
      const std::string where = format("journal record of document {}", document);
      const std::string record = index.record(document);
      if (record.empty())
        throw DataError(where +
                        ": missing, though rounds.jsonl has seen it; put the journal back, or run with --redo extract");
      answer = journal_answer_from_json(parse_json(record, where), where);
      const PartitionInfo& info = catalog.partition_of(document);
      auto reader = partitions.find(info.id.value);
      if (reader == partitions.end())
        reader = partitions
                     .emplace(info.id.value,
                              store::PartitionReader(store::partition_file(job.workspace.corpus(), info.id.value)))
                     .first;
      const std::uint64_t at = document - info.first_document;
      origin = {{"document", answer.id},
                {"number", document},
                {"source", reader->second.source(at)},
                {"position", reader->second.position(at)}};
      if (const std::string parent = reader->second.parent(at); !parent.empty()) {
        origin["parent"] = parent;
        origin["parent_offset"] = reader->second.parent_offset(at);
      }
      if (const std::string metadata = reader->second.metadata(at); !metadata.empty())
        origin["metadata"] = parse_json(metadata, where);
      origin["extractor"] = extractor.substr(0, 16);
    }
    if (p.pair >= answer.extraction.pairs.size())
      throw DataError(
          format("document {}: rounds.jsonl knows more pairs than the journal; run with --redo extract", document));
    Json row = body(job.settings.export_format, answer.extraction.pairs[p.pair]);
    row["provenance"] = origin;
    row["provenance"]["pair"] = p.pair;
    row["provenance"]["arm"] = p.arm;
    row["provenance"]["round"] = p.round;
    row["provenance"]["credit"] = p.credit;
    out.line(dump_json(row));
    line.show(++written);
  }
  out.finish();
  return written;
}

}  // namespace

void export_stage(Job& job) {
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const auto start = std::chrono::steady_clock::now();
    const StageRecord extract = read_stage_record(job.workspace, "extract");
    const fs::path folder =
        job.settings.export_folder.empty() ? job.workspace.out() : fs::path(job.settings.export_folder);
    fs::create_directories(folder);
    const fs::path file = folder / "train.jsonl";
    const std::uint64_t pairs = write_data_set(job, file, extract.inputs.at("extractor"));
    const std::string digest = sha256_file(file.string());
    StageRecord record = expected_record("export", job.settings, {{"extract", extract.digest()}});
    record.facts = {{"file", file.string()},
                    {"pairs", pairs},
                    {"sha256", digest},
                    {"of_complete_run", extract.facts.value("complete", false)},
                    {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()}};
    write_stage_record(job.workspace, record);
    log::info("export: {} pairs in {} (sha256 {})", human_count(static_cast<double>(pairs)), file.string(),
              digest.substr(0, 16));
  });
}

}  // namespace equal::job
