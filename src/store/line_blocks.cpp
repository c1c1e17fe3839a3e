#include "line_blocks.hpp"

#include <algorithm>
#include <cstring>

#include "equal/base/json_lines.hpp"

namespace equal::store {
namespace {

constexpr std::size_t kFirstBlockBytes = 64 << 10, kBlockBytes = 4 << 20;  // growing twofold: most files are small
constexpr std::size_t kExcerptBytes = 256;

}  // namespace

LineBlocks::LineBlocks(std::unique_ptr<ByteSource> source, std::uint64_t position, bool inside_line,
                       std::uint64_t max_line_bytes)
    : source_(std::move(source)), position_(position), inside_line_(inside_line), max_line_bytes_(max_line_bytes) {}

/// Moves what is held to the front and reads until the buffer is full or the source ends; false when nothing came.
bool LineBlocks::fill() {
  if (at_end_) return false;
  const std::size_t keep = end_ - begin_;
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, keep);
  begin_ = 0;
  end_ = keep;
  const std::size_t block = std::clamp(2 * buffer_.size(), kFirstBlockBytes, kBlockBytes);
  // A line that fills the buffer makes it grow, up to the limit that makes the line bad.
  const std::size_t wanted = std::max(block, keep + std::max(keep, block / 2));
  if (buffer_.size() < wanted + JsonLineParser::kPadding) buffer_.resize(wanted + JsonLineParser::kPadding);
  const auto room = std::span(buffer_).subspan(end_, buffer_.size() - JsonLineParser::kPadding - end_);
  const std::size_t got = source_->read(room);
  at_end_ = got < room.size();
  end_ += got;
  return got > 0;
}

bool LineBlocks::skip_to_line_break() {
  while (true) {
    const std::string_view rest = held();
    const std::size_t at = rest.find('\n');
    if (at != std::string_view::npos) {
      advance(at + 1);
      inside_line_ = false;
      return true;
    }
    advance(rest.size());
    if (!fill()) return false;
  }
}

bool LineBlocks::ended() {
  if (inside_line_ && !skip_to_line_break()) return true;
  return held().empty() && !fill();
}

Line LineBlocks::make_line(std::string_view text) const {
  Line line{text, position_, text.size() > max_line_bytes_};
  if (line.too_long) {
    line.text = text.substr(0, kExcerptBytes);
    return line;
  }
  if (!line.text.empty() && line.text.back() == '\r') line.text.remove_suffix(1);
  if (position_ == 0 && line.text.substr(0, 3) == "\xef\xbb\xbf") line.text.remove_prefix(3);
  return line;
}

/// All whole lines that are held and start before `stop`.
void LineBlocks::take_lines(std::uint64_t stop, std::vector<Line>& lines) {
  while (position_ < stop) {
    const std::string_view rest = held();
    const std::size_t at = rest.find('\n');
    if (at == std::string_view::npos) return;
    lines.push_back(make_line(rest.substr(0, at)));
    advance(at + 1);
  }
}

bool LineBlocks::next(std::uint64_t stop, std::vector<Line>& lines) {
  lines.clear();
  while (!ended() && position_ < stop) {
    take_lines(stop, lines);
    if (!lines.empty()) return true;
    // No line break in what is held.
    if (held().size() > max_line_bytes_) {
      lines.push_back(make_line(held()));
      inside_line_ = true;
      return true;
    }
    if (!fill() && !held().empty()) {
      lines.push_back(make_line(held()));  // the last line has no line break
      advance(held().size());
      return true;
    }
  }
  return false;
}

}  // namespace equal::store
