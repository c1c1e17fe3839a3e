// Cuts a byte source into lines, many at a time, in bounded memory. Internal to store/.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "byte_source.hpp"

namespace equal::store {

struct Line {
  std::string_view text;  // without line end, carriage return before it, and byte order mark; kPadding bytes follow it
  std::uint64_t position = 0;  // where it starts in the file
  bool too_long = false;       // then text is its start only
};

class LineBlocks {
 public:
  /// `position`: where `source` starts in the file. With `inside_line` all up to the first line break is passed over.
  LineBlocks(std::unique_ptr<ByteSource> source, std::uint64_t position, bool inside_line,
             std::uint64_t max_line_bytes);

  /// Replaces `lines` by the next ones that start before byte `stop`, some MiB of them; false when there are none.
  /// Views stay valid until the next call.
  bool next(std::uint64_t stop, std::vector<Line>& lines);

  /// Where the next line starts; `ended()` tells whether there is one. Reads on if it must.
  bool ended();
  std::uint64_t position() const noexcept { return position_; }

 private:
  bool fill();
  bool skip_to_line_break();
  void take_lines(std::uint64_t stop, std::vector<Line>& lines);
  std::string_view held() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void advance(std::size_t bytes) { begin_ += bytes, position_ += bytes; }
  Line make_line(std::string_view text) const;

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t position_;
  bool inside_line_, at_end_ = false;
  std::uint64_t max_line_bytes_;
};

}  // namespace equal::store
