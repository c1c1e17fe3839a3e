#include "chunk_source.hpp"
#include "line_blocks.hpp"

namespace equal::store {
namespace {

class LineChunks : public ChunkSource {
 public:
  LineChunks(ChunkContext& context, std::uint64_t first_chunk)
      : context_(context),
        file_name_(context.input.files[0].filename().string()),
        blocks_(open(context, first_chunk)) {}

  bool start(std::uint64_t chunk) override {
    while (blocks_.next(context_.begin_of(chunk), lines_)) {
    }
    stop_ = context_.begin_of(chunk + 1);
    if (!context_.input.compressed) return context_.begin_of(chunk) < context_.input.bytes;
    // A chunk inside a huge last line exists, though no line starts in it.
    return !blocks_.ended() || blocks_.position() > context_.begin_of(chunk);
  }

  bool next(std::vector<Parsed>& parsed) override {
    const std::uint64_t first = blocks_.position();
    if (!blocks_.next(stop_, lines_)) return false;
    parse_items(context_, lines_.size(), parsed, [this](std::size_t i, DocumentParser& parser, Parsed& out) {
      parser.parse_line(lines_[i], context_.input.name, file_name_, out);
    });
    parsed[0].tally.bytes += blocks_.position() - first;
    return true;
  }

 private:
  static LineBlocks open(ChunkContext& context, std::uint64_t chunk) {
    const std::uint64_t begin = context.input.compressed ? 0 : context.begin_of(chunk);
    // A plain file is read from one byte early: if that is a line break, a line starts at the boundary.
    const std::uint64_t early = begin > 0 ? begin - 1 : 0;
    return LineBlocks(open_source(context.input.files[0], early), early, begin > 0, context.params.max_line_bytes);
  }

  ChunkContext& context_;
  std::string file_name_;
  LineBlocks blocks_;
  std::vector<Line> lines_;
  std::uint64_t stop_ = 0;
};

}  // namespace

std::unique_ptr<ChunkSource> make_line_chunks(ChunkContext& context, std::uint64_t first_chunk) {
  return std::make_unique<LineChunks>(context, first_chunk);
}

}  // namespace equal::store
