#include <algorithm>

#include "equal/base/log.hpp"

#include "byte_source.hpp"
#include "chunk_source.hpp"
#include "weighted_chunks.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kFileBatchBytes = 4 << 20;  // of files parsed together

class TextFileChunks : public ChunkSource {
 public:
  explicit TextFileChunks(ChunkContext& context)
      : context_(context), chunks_(weighted_chunks(context.input.sizes, context.params.partition_bytes)) {}

  bool start(std::uint64_t chunk) override {
    if (chunk >= chunks_.size()) return false;
    next_ = chunks_[chunk].begin;
    end_ = chunks_[chunk].end;
    return true;
  }

  bool next(std::vector<Parsed>& parsed) override {
    if (next_ == end_) return false;
    const std::size_t first = next_;
    std::uint64_t bytes = 0;
    while (next_ < end_ && (next_ == first || bytes < kFileBatchBytes)) bytes += context_.input.sizes[next_++];
    parsed.clear();
    parsed.resize(next_ - first);
    context_.run(parsed.size(), [&](std::size_t i, std::size_t thread) {
      parse_file(first + i, context_.parsers[thread], parsed[i]);
    });
    return true;
  }

 private:
  /// At most one byte more than is allowed.
  std::vector<char> read(const fs::path& path) const {
    const auto source = open_small_source(path);
    std::vector<char> text;
    bool more = true;
    while (more && text.size() <= context_.params.max_line_bytes) {
      const std::size_t held = text.size();
      text.resize(held + std::max<std::size_t>(64 << 10, held));
      const std::size_t got = source->read(std::span(text).subspan(held));
      more = held + got == text.size();
      text.resize(held + got);
    }
    return text;
  }

  void parse_file(std::size_t file, DocumentParser& parser, Parsed& out) const {
    const fs::path& path = context_.input.files[file];
    const std::vector<char> bytes = read(path);
    std::string_view text(bytes.data(), bytes.size());
    if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
    out.tally.bytes += bytes.size();
    ++out.tally.lines;
    Document document;
    document.source = path.generic_string();
    const bool alone = path == fs::path(context_.input.name);
    document.id = (alone ? path.filename() : path.lexically_relative(context_.input.name)).generic_string();
    if (bytes.size() > context_.params.max_line_bytes) {
      parser.report(BadReason::too_long, {text, 0}, format("more than {} bytes", context_.params.max_line_bytes), out);
    } else {
      parser.add_text(std::move(document), text, false, out);
    }
    for (BadLine& bad : out.tally.reported) {
      bad.file = path.generic_string();
      bad.line = 0;
    }
  }

  ChunkContext& context_;
  std::vector<ItemRange> chunks_;
  std::size_t next_ = 0, end_ = 0;
};

}  // namespace

std::unique_ptr<ChunkSource> make_text_file_chunks(ChunkContext& context) {
  return std::make_unique<TextFileChunks>(context);
}

}  // namespace equal::store
