#include "pattern_layout.hpp"

#include <algorithm>
#include <limits>

namespace equal::extract {
namespace {

struct Line {
  std::string_view text;   // without line break
  std::size_t indent = 0;  // blanks before the first other character; npos for an empty line
  bool empty() const { return indent == std::string_view::npos; }
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t last = line.find_last_not_of(" \t\r");
    line = line.substr(0, last == std::string_view::npos ? 0 : last + 1);
    out.push_back({line, line.empty() ? std::string_view::npos : line.find_first_not_of(" \t")});
  }
  return out;
}

int heading_level(const Line& line) {
  const std::size_t marks = line.text.find_first_not_of('#');
  const bool heading = marks != std::string_view::npos && marks >= 1 && marks <= 6 && line.text[marks] == ' ';
  return heading ? static_cast<int>(marks) : 0;
}

bool is_underline(const Line& line, char mark) {
  return line.text.size() >= 3 && line.text.find_first_not_of(mark) == std::string_view::npos;
}

/// "- ", "* ", "1. ", "12) " at the start of an unindented line.
bool is_list_mark(std::string_view line) {
  if (line.size() >= 2 && (line[0] == '-' || line[0] == '*') && line[1] == ' ') return true;
  const std::size_t digits = line.find_first_not_of("0123456789");
  return digits != std::string_view::npos && digits >= 1 && digits <= 3 &&
         (line[digits] == '.' || line[digits] == ')') && digits + 1 < line.size() && line[digits + 1] == ' ';
}

bool starts_like_a_question(std::string_view line) {
  static constexpr std::string_view kOpenings[] = {"How ", "What ", "Why ", "When ", "Where ", "Which ",
                                                   "Who ", "Can ",  "Do ",  "Does ", "Is ",    "Are "};
  return std::any_of(std::begin(kOpenings), std::end(kOpenings),
                     [&](std::string_view w) { return line.substr(0, w.size()) == w; });
}

bool is_question_line(const std::vector<Line>& lines, std::size_t at) {
  const std::string_view line = lines[at].text;
  return lines[at].indent == 0 && line.size() <= 160 && line.back() == '?' && starts_like_a_question(line) &&
         std::count(line.begin(), line.end(), ' ') >= 2 && (at == 0 || lines[at - 1].empty()) &&
         (at + 1 == lines.size() || lines[at + 1].empty());
}

std::string_view between(const Line& first, const Line& last) {
  return {first.text.data(), static_cast<std::size_t>(last.text.data() + last.text.size() - first.text.data())};
}

/// The line after the block that starts at `at`, and after what continues it at least `indent` further in.
std::size_t continued(const std::vector<Line>& lines, std::size_t end, std::size_t indent) {
  for (;;) {
    std::size_t next = end;
    while (next < lines.size() && lines[next].empty()) ++next;
    if (next == lines.size() || lines[next].indent < indent) return end;
    while (next < lines.size() && !lines[next].empty() && lines[next].indent >= indent) ++next;
    if (next == end) return end;
    end = next;
  }
}

/// Reads one block at `at` (a non-empty line) and moves `at` behind it.
TextBlock read_block(const std::vector<Line>& lines, std::size_t& at) {
  const std::size_t first = at;
  std::size_t end = first;
  while (end < lines.size() && !lines[end].empty() && (end == first || heading_level(lines[end]) == 0)) ++end;
  TextBlock block;
  if (lines[first].indent >= 4) {
    while (end > first + 1 && lines[end - 1].indent < 4) --end;
    std::size_t stop = first;
    while (stop < end && lines[stop].indent >= 4) ++stop;
    end = continued(lines, stop, 4);
    block.kind = BlockKind::code;
  } else if (is_list_mark(lines[first].text)) {
    for (;;) {
      end = continued(lines, end, 2);
      std::size_t next = end;
      while (next < lines.size() && lines[next].empty()) ++next;
      if (next == lines.size() || !is_list_mark(lines[next].text)) break;
      end = next;
      while (end < lines.size() && !lines[end].empty()) ++end;
    }
    block.kind = BlockKind::list;
  } else {
    std::size_t body = first;
    while (body < end && lines[body].indent < 2) ++body;
    const bool defined =
        body > first && body < end &&
        std::all_of(lines.begin() + static_cast<std::ptrdiff_t>(body), lines.begin() + static_cast<std::ptrdiff_t>(end),
                    [](const Line& line) { return line.indent >= 2; });
    if (defined) {
      end = continued(lines, end, 2);
      block.kind = BlockKind::definition;
      for (std::size_t i = first; i < body; ++i) block.terms.push_back(trim(lines[i].text));
      block.body = dedent(between(lines[body], lines[end - 1]));
    } else if (std::all_of(lines.begin() + static_cast<std::ptrdiff_t>(first),
                           lines.begin() + static_cast<std::ptrdiff_t>(end),
                           [](const Line& line) { return line.text.find(" | ") != std::string_view::npos; })) {
      block.kind = BlockKind::table;
    }
  }
  block.text = between(lines[first], lines[end - 1]);
  at = end;
  return block;
}

std::vector<std::string_view> split_path(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = line.find(" > ");
    out.push_back(trim(line.substr(0, at)));
    if (at == std::string_view::npos) return out;
    line.remove_prefix(at + 3);
  }
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    words += (!blank && !inside) ? 1 : 0;
    inside = !blank;
  }
  return words;
}

std::string dedent(std::string_view text) {
  const std::vector<Line> lines = lines_of(text);
  std::size_t margin = std::numeric_limits<std::size_t>::max();
  for (const Line& line : lines) margin = std::min(margin, line.indent);  // npos of an empty line is the largest value
  std::string out;
  for (const Line& line : lines) {
    if (!line.empty()) out.append(line.text.substr(std::min(margin, line.text.size())));
    out.push_back('\n');
  }
  const std::size_t first = out.find_first_not_of('\n');
  if (first == std::string::npos) return {};
  return out.substr(first, out.find_last_not_of('\n') - first + 1);
}

std::vector<TextBlock> blocks_of(std::string_view text) {
  const std::vector<Line> lines = lines_of(text);
  std::vector<TextBlock> out;
  for (std::size_t at = 0; at < lines.size();) {
    if (lines[at].empty()) {
      ++at;
    } else {
      out.push_back(read_block(lines, at));
    }
  }
  return out;
}

Layout lay_out(std::string_view text) {
  const std::vector<Line> lines = lines_of(text);
  Layout out;
  out.sections.emplace_back();
  std::size_t at = 0;
  while (at < lines.size() && lines[at].empty()) ++at;
  if (at < lines.size() && lines[at].indent == 0 && lines[at].text.size() <= 400 && heading_level(lines[at]) == 0) {
    std::size_t next = at + 1;
    while (next < lines.size() && lines[next].empty()) ++next;
    const bool before_heading = next > at + 1 && next < lines.size() && heading_level(lines[next]) > 0;
    if (before_heading ||
        (next > at + 1 && lines[at].text.find(" > ") != std::string_view::npos && lines[at].text.back() != '.')) {
      out.path = split_path(lines[at].text);
      at = next;
    }
  }
  while (at < lines.size()) {
    const Line& line = lines[at];
    if (line.empty()) {
      ++at;
    } else if (const int level = heading_level(line); level > 0) {
      out.sections.push_back({trim(line.text.substr(static_cast<std::size_t>(level))), level, {}});
      ++at;
    } else if (line.indent == 0 && line.text.size() <= 120 && at + 1 < lines.size() &&
               (is_underline(lines[at + 1], '=') || is_underline(lines[at + 1], '-')) && !is_underline(line, '-') &&
               !is_underline(line, '=')) {
      out.sections.push_back({trim(line.text), lines[at + 1].text[0] == '=' ? 1 : 2, {}});
      at += 2;
    } else if (is_question_line(lines, at)) {
      out.sections.push_back({trim(line.text), 7, {}});
      ++at;
    } else {
      out.sections.back().blocks.push_back(read_block(lines, at));
    }
  }
  return out;
}

}  // namespace equal::extract
