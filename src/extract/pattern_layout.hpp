// The layout of a plain-text document: heading path, sections, blocks. Views into the text that was parsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace equal::extract {

enum class BlockKind { paragraph, code, list, table, definition };

struct TextBlock {
  BlockKind kind = BlockKind::paragraph;
  std::string_view text;                ///< all its lines, with their indentation
  std::vector<std::string_view> terms;  ///< definition: the lines before the body
  std::string body;                     ///< definition: the indented lines, dedented
};

struct Section {
  std::string_view title;  ///< empty before the first heading
  int level = 0;           ///< 1-6 for headings; 7 for a question that stands alone on a line
  std::vector<TextBlock> blocks;
};

struct Layout {
  std::vector<std::string_view> path;  ///< "Python > os > Files" as three parts; empty when there is none
  std::vector<Section> sections;
};

/// Never fails: what is no markup is a paragraph. REQUIRES: `text` outlives the result. Cost: linear.
Layout lay_out(std::string_view text);

/// Blocks of a text without headings, e.g. of a definition's body after dedent().
std::vector<TextBlock> blocks_of(std::string_view text);

/// The lines without the indentation that all non-empty ones share, and without empty lines at both ends.
std::string dedent(std::string_view lines);

std::string_view trim(std::string_view text);
std::size_t count_words(std::string_view text);

}  // namespace equal::extract
