// How the kinds of input give their chunks to CorpusReader. Internal to store/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/store/corpus_reader.hpp"

#include "document_parser.hpp"

namespace equal::store {

/// What all kinds share: settings, the input, and a parser a thread.
struct ChunkContext {
  CorpusParams params;
  Input input;
  ThreadPool* pool;
  std::vector<DocumentParser> parsers;

  ChunkContext(CorpusParams p, Input i, ThreadPool* t) : params(std::move(p)), input(std::move(i)), pool(t) {
    for (std::size_t thread = 0; thread < threads(); ++thread) parsers.emplace_back(params);
  }
  ChunkContext(const ChunkContext&) = delete;
  ChunkContext& operator=(const ChunkContext&) = delete;

  std::size_t threads() const { return pool == nullptr ? 1 : pool->size(); }
  /// task(index, thread), on the pool if there is one.
  void run(std::size_t count, const std::function<void(std::size_t, std::size_t)>& task) const {
    if (pool != nullptr) {
      pool->run(count, task);
    } else {
      for (std::size_t i = 0; i < count; ++i) task(i, 0);
    }
  }
  /// Where chunk `c` begins in bytes; the largest number for those beyond it.
  std::uint64_t begin_of(std::uint64_t c) const {
    std::uint64_t out = 0;
    return __builtin_mul_overflow(c, params.partition_bytes, &out) ? ~std::uint64_t{0} : out;
  }
};

class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  /// Goes to a chunk behind the current one (what is left of that is passed over); false when the input has no such
  /// chunk.
  virtual bool start(std::uint64_t chunk) = 0;
  /// Replaces `parsed` by the next part of the chunk, in order; false at its end.
  virtual bool next(std::vector<Parsed>& parsed) = 0;
};

/// Items (lines, records) [0, count) shared out evenly: parse(item, parser, parsed), one Parsed a task.
template <class F>
void parse_items(ChunkContext& context, std::size_t count, std::vector<Parsed>& parsed, F parse) {
  // Several tasks a thread: one that shares its core with the thread that decompresses takes fewer of them.
  const std::size_t wanted = context.threads() == 1 ? 1 : context.threads() * 8;
  const std::size_t tasks = std::max<std::size_t>(1, std::min(count, wanted));
  parsed.clear();
  parsed.resize(tasks);
  context.run(tasks, [&](std::size_t task, std::size_t thread) {
    for (std::size_t i = count * task / tasks; i < count * (task + 1) / tasks; ++i)
      parse(i, context.parsers[thread], parsed[task]);
  });
}

std::unique_ptr<ChunkSource> make_line_chunks(ChunkContext& context, std::uint64_t first_chunk);
std::unique_ptr<ChunkSource> make_text_file_chunks(ChunkContext& context);
std::unique_ptr<ChunkSource> make_warc_chunks(ChunkContext& context);

}  // namespace equal::store
