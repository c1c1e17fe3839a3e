#include "equal/store/corpus_reader.hpp"

#include <algorithm>
#include <numeric>

#include "document_parser.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "line_blocks.hpp"
#include "text_chunks.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kBatchBytes = 4 << 20;  // of text files parsed together

void add(ChunkTally& sum, ChunkTally&& part, std::uint64_t chunk, const std::string& file, std::size_t max_reported) {
  for (BadLine& bad : part.reported) {
    if (sum.reported.size() >= max_reported) break;
    bad.chunk = chunk;
    if (bad.file.empty()) {
      bad.file = file;
      bad.line += sum.lines;
    }
    sum.reported.push_back(std::move(bad));
  }
  sum.lines += part.lines;
  sum.blank += part.blank;
  sum.documents += part.documents;
  sum.pieces += part.pieces;
  sum.pairs += part.pairs;
  sum.bytes += part.bytes;
  for (std::size_t i = 0; i < kBadReasons; ++i) sum.bad[i] += part.bad[i];
}

}  // namespace

const char* name_of(BadReason reason) noexcept {
  static constexpr std::array<const char*, kBadReasons> kNames{"broken JSON",      "not UTF-8",  "not a JSON object", "no text field",
                                                               "text without words", "wrong type", "too long"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string describe(const BadLine& bad, std::uint64_t lines_before) {
  const std::string where = bad.line == 0 ? bad.file : format("{}:{}", bad.file, lines_before + bad.line);
  return format("{}: {}{}: {}", where, name_of(bad.reason), bad.detail.empty() ? "" : " (" + bad.detail + ")", bad.excerpt);
}

std::uint64_t ChunkTally::bad_lines() const noexcept { return std::accumulate(bad.begin(), bad.end(), std::uint64_t{0}); }

struct CorpusReader::Impl {
  CorpusParams params;
  Input input;
  ThreadPool* pool;
  std::uint64_t chunk = 0;
  bool started = false;
  ChunkTally tally;
  std::vector<DocumentParser> parsers;  // one a thread
  // JSON Lines
  std::unique_ptr<LineBlocks> blocks;
  std::vector<Line> lines;
  // text files
  std::vector<TextChunk> chunks;
  std::size_t next_file = 0;

  Impl(CorpusParams p, Input i, std::uint64_t first_chunk, ThreadPool* t)
      : params(std::move(p)), input(std::move(i)), pool(t), chunk(first_chunk) {
    if (params.partition_bytes == 0) throw InternalError("partition_bytes = 0");
    for (std::size_t thread = 0; thread < threads(); ++thread) parsers.emplace_back(params);
    if (input.kind == InputKind::text_files) {
      chunks = text_chunks(input.sizes, params.partition_bytes);
      return;
    }
    const std::uint64_t begin = input.compressed ? 0 : checked_begin(chunk);
    // A plain file is read from one byte early: if that is a line break, a line starts at the boundary.
    const std::uint64_t early = begin > 0 ? begin - 1 : 0;
    blocks = std::make_unique<LineBlocks>(open_source(input.files[0], early), early, begin > 0, params.max_line_bytes);
    if (input.compressed) pass_over(checked_begin(chunk));
  }

  std::size_t threads() const { return pool == nullptr ? 1 : pool->size(); }
  std::uint64_t checked_begin(std::uint64_t c) const {
    std::uint64_t out = 0;
    return __builtin_mul_overflow(c, params.partition_bytes, &out) ? ~std::uint64_t{0} : out;
  }
  void pass_over(std::uint64_t stop) {
    while (blocks->next(stop, lines)) {
    }
  }
  void run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task) {
    if (pool != nullptr) {
      pool->run(count, task);
    } else {
      for (std::size_t i = 0; i < count; ++i) task(i, 0);
    }
  }

  bool next_chunk() {
    if (started) {
      if (blocks) pass_over(checked_begin(chunk + 1));
      ++chunk;
    }
    started = true;
    tally = {};
    if (blocks) return !at_end();
    if (chunk >= chunks.size()) return false;
    next_file = chunks[chunk].begin;
    return true;
  }

  /// Whether chunk `chunk` lies behind the file. A chunk inside a huge last line exists, though no line starts in it.
  bool at_end() {
    if (!input.compressed) return checked_begin(chunk) >= input.bytes;
    return blocks->ended() && blocks->position() <= checked_begin(chunk);
  }

  bool next_lines(std::vector<Document>& documents) {
    const std::uint64_t first = blocks->position();
    if (!blocks->next(checked_begin(chunk + 1), lines)) return false;
    tally.bytes += blocks->position() - first;
    const std::size_t tasks = std::min(lines.size(), threads());
    std::vector<Parsed> parsed(std::max<std::size_t>(tasks, 1));
    const std::string& source = input.name;
    const std::string file_name = input.files[0].filename().string();
    run(tasks, [&](std::size_t task, std::size_t thread) {
      const std::size_t begin = lines.size() * task / tasks, end = lines.size() * (task + 1) / tasks;
      for (std::size_t i = begin; i < end; ++i) parsers[thread].parse_line(lines[i], source, file_name, parsed[task]);
    });
    collect(parsed, documents);
    return true;
  }

  void read_text_file(std::size_t file, DocumentParser& parser, Parsed& out) const {
    const fs::path& path = input.files[file];
    const std::string name = path.generic_string();
    const auto source = open_small_source(path);
    std::vector<char> text;
    bool more = true;
    while (more && text.size() <= params.max_line_bytes) {
      const std::size_t held = text.size();
      text.resize(held + std::max<std::size_t>(64 << 10, held));
      const std::size_t got = source->read(std::span(text).subspan(held));
      more = held + got == text.size();
      text.resize(held + got);
    }
    out.tally.bytes += text.size();
    std::string_view view(text.data(), text.size());
    if (view.substr(0, 3) == "\xef\xbb\xbf") view.remove_prefix(3);
    const std::size_t reported = out.tally.reported.size();
    if (text.size() > params.max_line_bytes) {
      ++out.tally.lines;
      parser.report(BadReason::too_long, {view, 0}, format("more than {} bytes", params.max_line_bytes), out);
    } else {
      const fs::path below = path.lexically_relative(input.name);
      const bool single = input.files.size() == 1 && path == fs::path(input.name);
      parser.parse_text_file(view, name, single ? path.filename().string() : below.generic_string(), out);
    }
    for (std::size_t i = reported; i < out.tally.reported.size(); ++i) {
      out.tally.reported[i].file = name;
      out.tally.reported[i].line = 0;
    }
  }

  bool next_files(std::vector<Document>& documents) {
    const std::size_t last = chunks[chunk].end, first = next_file;
    if (first == last) return false;
    std::uint64_t bytes = 0;
    while (next_file < last && (next_file == first || bytes < kBatchBytes)) bytes += input.sizes[next_file++];
    std::vector<Parsed> parsed(next_file - first);
    run(parsed.size(), [&](std::size_t i, std::size_t thread) { read_text_file(first + i, parsers[thread], parsed[i]); });
    collect(parsed, documents);
    return true;
  }

  void collect(std::vector<Parsed>& parsed, std::vector<Document>& documents) {
    documents = std::move(parsed[0].documents);
    for (std::size_t i = 1; i < parsed.size(); ++i) {
      std::move(parsed[i].documents.begin(), parsed[i].documents.end(), std::back_inserter(documents));
    }
    for (Parsed& part : parsed) add(tally, std::move(part.tally), chunk, input.name, params.max_reported);
  }
};

CorpusReader::CorpusReader(CorpusParams params, Input input, std::uint64_t first_chunk, ThreadPool* pool)
    : impl_(std::make_unique<Impl>(std::move(params), std::move(input), first_chunk, pool)) {}
CorpusReader::~CorpusReader() = default;
CorpusReader::CorpusReader(CorpusReader&&) noexcept = default;

bool CorpusReader::next_chunk() { return impl_->next_chunk(); }
std::uint64_t CorpusReader::chunk() const noexcept { return impl_->chunk; }
const ChunkTally& CorpusReader::tally() const noexcept { return impl_->tally; }

bool CorpusReader::next(std::vector<Document>& documents) {
  documents.clear();
  return impl_->blocks ? impl_->next_lines(documents) : impl_->next_files(documents);
}

}  // namespace equal::store
