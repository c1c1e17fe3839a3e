// Rules over texts that mark question and answer: "Q:" and "A:", "Exercise" and "Solution".
#include <array>
#include <optional>

#include "pattern_english.hpp"
#include "pattern_finders.hpp"

namespace equal::extract {
namespace {

/// After one of `marks` at the start of a block: the rest of the block.
std::optional<std::string_view> after_mark(std::string_view text, std::span<const std::string_view> marks) {
  for (const std::string_view mark : marks) {
    if (!text.starts_with(mark)) continue;
    std::string_view rest = text.substr(mark.size());
    const std::size_t number = rest.find_first_not_of(" 0123456789.");
    if (number != std::string_view::npos && number > 0 && rest[number] == ':') rest.remove_prefix(number + 1);
    if (!rest.empty() && (rest[0] == ':' || rest[0] == '.')) rest.remove_prefix(1);
    return trim(rest);
  }
  return std::nullopt;
}

/// Blocks "Q: ..." and "A: ..." (or both in one block), likewise "Exercise 3: ..." and "Solution: ...".
void find_marked(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out, std::string_view rule,
                 std::span<const std::string_view> asks, std::span<const std::string_view> replies) {
  for (const Section& section : layout.sections) {
    const auto& blocks = section.blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto question = after_mark(blocks[i].text, asks);
      if (!question || question->empty()) continue;
      std::string_view asked = *question, answer;
      std::size_t at = std::string_view::npos, mark_size = 0;
      for (const std::string_view reply : replies) {
        const std::size_t found = asked.find("\n" + std::string(reply));
        if (found < at) at = found, mark_size = reply.size() + 1;
      }
      const char* end = blocks[i].text.data() + blocks[i].text.size();
      if (at != std::string_view::npos) {
        answer = trim(asked.substr(at + mark_size));
        asked = trim(asked.substr(0, at));
      } else {
        std::size_t next = i + 1;
        while (next < blocks.size() && !after_mark(blocks[next].text, replies) && !after_mark(blocks[next].text, asks))
          ++next;
        if (next == blocks.size() || !after_mark(blocks[next].text, replies)) continue;
        if (next > i + 1)
          asked = {asked.data(), static_cast<std::size_t>(blocks[next - 1].text.data() + blocks[next - 1].text.size() -
                                                          asked.data())};
        answer = *after_mark(blocks[next].text, replies);
        end = blocks[next].text.data() + blocks[next].text.size();
        i = next;
      }
      while (i + 1 < blocks.size() && !after_mark(blocks[i + 1].text, asks) &&
             !after_mark(blocks[i + 1].text, replies)) {
        end = blocks[i + 1].text.data() + blocks[i + 1].text.size();
        ++i;
      }
      answer = {answer.data(), static_cast<std::size_t>(end - answer.data())};
      const std::size_t words = count_words(answer);
      if (words == 0 || words > bounds.max_words || refers_elsewhere(answer)) continue;
      add(out, rule, ask_in(subject_of(layout), asked), answer);
    }
  }
}

}  // namespace

void find_marked_questions(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  static constexpr std::array<std::string_view, 4> kAsks{"Q:", "Q.", "Question:", "QUESTION:"},
      kReplies{"A:", "A.", "Answer:", "ANSWER:"};
  find_marked(layout, bounds, out, "marked", kAsks, kReplies);
}

void find_exercises(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  static constexpr std::array<std::string_view, 3> kAsks{"Exercise", "Problem", "Task"},
      kReplies{"Solution", "Answer", "SOLUTION"};
  find_marked(layout, bounds, out, "exercise", kAsks, kReplies);
}

}  // namespace equal::extract
