#include "bench_probes.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/store/corpus_reader.hpp"
#include "equal/store/text_writer.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kDiskBytes = std::size_t{256} << 20, kDiskBlock = std::size_t{4} << 20;
constexpr std::size_t kReduceBytes = std::size_t{32} << 20;

}  // namespace

double elapsed_seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

Sample write_sample(const settings::Settings& s, const fs::path& folder) {
  store::CorpusParams params;
  params.max_words = 0;
  params.id_field = s.field_id, params.text_field = s.field_text, params.pairs_field = s.field_pairs;
  params.question_field = s.field_question, params.answer_field = s.field_answer;
  Sample out;
  std::vector<store::TextWriter> files;
  for (const char* name : {"a.jsonl.zst", "b.jsonl.zst"}) files.emplace_back(folder / name, store::Compression::zstd);
  std::vector<store::Document> documents;
  for (const store::Input& input : store::list_inputs(s.inputs)) {
    store::CorpusReader reader(params, input);
    while (out.documents < s.plan_sample && reader.next_chunk()) {
      while (out.documents < s.plan_sample && reader.next(documents)) {
        for (const auto& d : documents) {
          if (out.documents == s.plan_sample) break;
          Json json = {{s.field_id, d.id}, {s.field_text, d.text}};
          for (const auto& p : d.pairs) {
            json[s.field_pairs].push_back({{s.field_question, p.question}, {s.field_answer, p.answer}});
            out.pair_bytes += p.question.size() + p.answer.size() + 28;  // {"question":"","answer":""},
          }
          const std::string line = dump_json(json);
          files[out.documents++ % 2].line(line);
          out.input_bytes += line.size() + 1;
          out.text_bytes += d.text.size(), out.id_bytes += d.id.size(), out.pairs += d.pairs.size();
          if (!d.pairs.empty()) out.pair_bytes += 1;  // two brackets, less a comma
        }
      }
    }
    if (out.documents == s.plan_sample) break;
  }
  for (auto& f : files) f.finish();
  if (out.documents < 1000)
    throw UsageError(format("ingest.inputs hold {} documents; a measurement needs at least 1000", out.documents));
  return out;
}

double write_rate(const fs::path& folder) {
  const std::string block(kDiskBlock, 'x'), path = (folder / "disk").string();
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) throw EnvironmentError(path + ": cannot be created: " + errno_text(errno));
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t done = 0; done < kDiskBytes; done += block.size()) write_all(fd.get(), block, path);
  if (::fdatasync(fd.get()) != 0) throw EnvironmentError(path + ": fdatasync failed: " + errno_text(errno));
  return static_cast<double>(kDiskBytes) / elapsed_seconds(start);
}

double read_rate(const settings::Settings& settings) {
  std::string block(kDiskBlock, '\0');
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::vector<fs::path> files;
  for (const store::Input& input : store::list_inputs(settings.inputs))
    files.insert(files.end(), input.files.begin(), input.files.end());
  for (auto file = files.rbegin(); file != files.rend() && bytes < kDiskBytes; ++file) {
    const FileDescriptor fd(::open(file->c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw DataError(file->string() + ": cannot be opened: " + errno_text(errno));
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    const std::uint64_t size = fs::file_size(*file);
    std::uint64_t at = size - std::min<std::uint64_t>(size, kDiskBytes - bytes);
    const auto start = std::chrono::steady_clock::now();
    while (const std::size_t got = read_at(fd.get(), std::as_writable_bytes(std::span(block)), at, file->string()))
      at += got, bytes += got;
    seconds += elapsed_seconds(start);
  }
  return static_cast<double>(bytes) / std::max(1e-9, seconds);
}

double sync_seconds(const fs::path& folder) {
  constexpr int kTimes = 20;
  const std::string record(512, 'x'), path = (folder / "sync").string();
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) throw EnvironmentError(path + ": cannot be created: " + errno_text(errno));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) {
    write_all(fd.get(), record, path);
    if (::fdatasync(fd.get()) != 0) throw EnvironmentError(path + ": fdatasync failed: " + errno_text(errno));
  }
  return elapsed_seconds(start) / kTimes;
}

double reduce_rate(comm::Communicator& comm) {
  std::vector<std::int64_t> values(kReduceBytes / sizeof(std::int64_t), 1);
  comm.sum(std::span(values));
  comm.barrier();
  const auto start = std::chrono::steady_clock::now();
  comm.sum(std::span(values));
  return static_cast<double>(kReduceBytes) / std::max(1e-9, elapsed_seconds(start));
}

}  // namespace equal::job
