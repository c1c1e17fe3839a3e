#include "equal/store/corpus_reader.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "chunk_source.hpp"
#include "parquet_chunks.hpp"

namespace equal::store {
namespace {

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
  static constexpr std::array<const char*, kBadReasons> kNames{
      "broken JSON", "not UTF-8", "not a JSON object", "no text field", "text without words", "wrong type", "too long"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string describe(const BadLine& bad, std::uint64_t lines_before) {
  const std::string where = bad.line == 0 ? bad.file : format("{}:{}", bad.file, lines_before + bad.line);
  return format("{}: {}{}: {}", where, name_of(bad.reason), bad.detail.empty() ? "" : " (" + bad.detail + ")",
                bad.excerpt);
}

std::uint64_t ChunkTally::bad_lines() const noexcept {
  return std::accumulate(bad.begin(), bad.end(), std::uint64_t{0});
}

struct CorpusReader::Impl {
  ChunkContext context;
  std::unique_ptr<ChunkSource> source;
  std::uint64_t chunk;
  bool started = false;
  ChunkTally tally;
  std::vector<Parsed> parsed;

  Impl(CorpusParams params, Input input, std::uint64_t first_chunk, ThreadPool* pool)
      : context(std::move(params), std::move(input), pool), chunk(first_chunk) {
    if (context.params.partition_bytes == 0) throw InternalError("partition_bytes = 0");
    switch (context.input.kind) {
      case InputKind::json_lines:
        source = make_line_chunks(context, first_chunk);
        break;
      case InputKind::text_files:
        source = make_text_file_chunks(context);
        break;
      case InputKind::warc_records:
        source = make_warc_chunks(context);
        break;
      case InputKind::parquet_rows:
        source = make_parquet_chunks(context);
        break;
    }
  }
};

CorpusReader::CorpusReader(CorpusParams params, Input input, std::uint64_t first_chunk, ThreadPool* pool)
    : impl_(std::make_unique<Impl>(std::move(params), std::move(input), first_chunk, pool)) {}
CorpusReader::~CorpusReader() = default;
CorpusReader::CorpusReader(CorpusReader&&) noexcept = default;

std::uint64_t CorpusReader::chunk() const noexcept { return impl_->chunk; }
const ChunkTally& CorpusReader::tally() const noexcept { return impl_->tally; }

bool CorpusReader::next_chunk() {
  if (impl_->started) ++impl_->chunk;
  impl_->started = true;
  impl_->tally = {};
  return impl_->source->start(impl_->chunk);
}

bool CorpusReader::next(std::vector<Document>& documents) {
  documents.clear();
  if (!impl_->source->next(impl_->parsed)) return false;
  for (Parsed& part : impl_->parsed) {
    if (documents.empty()) {
      documents.swap(part.documents);
    } else {
      std::move(part.documents.begin(), part.documents.end(), std::back_inserter(documents));
    }
    add(impl_->tally, std::move(part.tally), impl_->chunk, impl_->context.input.name,
        impl_->context.params.max_reported);
  }
  return true;
}

}  // namespace equal::store
