#include <algorithm>
#include <array>

#include "pattern_english.hpp"
#include "pattern_rules.hpp"

namespace equal::extract {
namespace {

bool starts_with_any(std::string_view text, std::span<const std::string_view> openings) {
  return std::any_of(openings.begin(), openings.end(),
                     [&](std::string_view opening) { return text.starts_with(opening); });
}

/// Notes about versions, authors and ownership before the text itself: no part of an answer.
bool is_leading_note(const TextBlock& block) {
  static constexpr std::array<std::string_view, 6> kNotes{
      "(contributed by", "New in version", "Availability:", "Return value:", "Part of the Stable ABI", "Source code:"};
  return block.kind == BlockKind::paragraph && starts_with_any(block.text, kNotes);
}

bool is_trailing_note(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kNotes{"See also",
                                                           "See ",
                                                           "Changed in version",
                                                           "New in version",
                                                           "Deprecated since",
                                                           "Availability",
                                                           "For more information",
                                                           "Added in",
                                                           "Note:",
                                                           "Example:"};
  return starts_with_any(text, kNotes);
}

}  // namespace

std::string_view answer_run(std::span<const TextBlock> blocks, const AnswerBounds& bounds) {
  while (!blocks.empty() && is_leading_note(blocks.front())) blocks = blocks.subspan(1);
  if (blocks.empty() || (blocks.front().kind != BlockKind::paragraph && blocks.front().kind != BlockKind::list))
    return {};
  std::size_t words = 0, count = 0;
  while (count < blocks.size() && blocks[count].kind != BlockKind::definition) {
    const std::size_t more = count_words(blocks[count].text);
    if (words + more > bounds.max_words) break;
    words += more;
    ++count;
  }
  if (bounds.whole && count < blocks.size()) return {};
  if (blocks.front().text.ends_with("(continued)")) return {};
  const auto shows = [](BlockKind kind) { return kind == BlockKind::code || kind == BlockKind::list; };
  // What was cut off must not leave a sentence that announces it.
  while (count > 0) {
    const TextBlock& last = blocks[count - 1];
    const bool announces = count < blocks.size() && shows(blocks[count].kind);
    if (shows(last.kind) || (ends_well(last.text) && !is_trailing_note(last.text) && !announces)) break;
    --count;
  }
  if (count == 0) return {};
  for (std::size_t i = 0; i + 1 < count; ++i) {  // "It has these methods:", whose list is not in the text
    if (blocks[i].kind == BlockKind::paragraph && blocks[i].text.ends_with(':') &&
        blocks[i + 1].kind == BlockKind::paragraph)
      return {};
  }
  const std::string_view first = blocks.front().text, last = blocks[count - 1].text;
  const std::string_view run(first.data(), static_cast<std::size_t>(last.data() + last.size() - first.data()));
  if (count_words(run) < bounds.min_words || opens_in_the_middle(trim(run)) || refers_elsewhere(run)) return {};
  return run;
}

}  // namespace equal::extract
