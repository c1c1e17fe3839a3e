// Rules in which the title of a section asks, or can be asked.
#include <algorithm>
#include <array>

#include "equal/base/log.hpp"

#include "pattern_english.hpp"
#include "pattern_finders.hpp"

namespace equal::extract {
namespace {

/// A question that stands on its own: not about "it" or "this".
bool is_whole_question(std::string_view title) {
  if (title.size() < 12 || count_words(title) < 4 || title.find("\xE2\x80\xA6") != std::string_view::npos ||
      title.substr(0, title.size() - 1).find('?') != std::string_view::npos)
    return false;
  for (const std::string_view vague : {"it", "this", "these", "that's", "them", "they", "those", "above", "below", "he",
                                       "all this", "the following"}) {
    if (mentions(title, vague)) return false;
  }
  for (const std::string_view to_reader : {"Are you ", "Do you ", "Did you ", "Have you ", "Is your "}) {
    if (title.starts_with(to_reader)) return false;
  }
  return true;
}

/// "Sorting a List" under a text that says "a list" becomes "sorting a list".
std::string sentence_case(std::string_view title, const Section& section) {
  std::string out;
  bool first = true;
  while (!title.empty()) {
    const std::size_t end = std::min(title.find(' '), title.size());
    std::string word(title.substr(0, end));
    title.remove_prefix(std::min(end + 1, title.size()));
    const bool capitalised = word.size() > 1 && word[0] >= 'A' && word[0] <= 'Z' &&
                             std::none_of(word.begin() + 1, word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    const bool shouted = word.size() > 3 && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
    if (capitalised || shouted) {
      const std::string small = lower(word);
      const auto written_small = [&](const TextBlock& block) {
        for (std::size_t at = block.text.find(small); at != std::string_view::npos;
             at = block.text.find(small, at + 1)) {
          const std::size_t after = at + small.size();
          if ((at == 0 || !is_word_char(block.text[at - 1])) &&
              (after == block.text.size() || !is_word_char(block.text[after])))
            return true;
        }
        return false;
      };
      static constexpr std::array<std::string_view, 22> kSmall{
          "A",    "An", "The", "To", "Of",   "In",   "With",    "For",      "And",     "Or",    "On",
          "From", "By", "At",  "As", "Into", "Your", "Between", "Multiple", "Without", "Other", "Using"};
      if (std::find(kSmall.begin(), kSmall.end(), word) != kSmall.end() ||
          std::any_of(section.blocks.begin(), section.blocks.end(), written_small))
        word = small;
    }
    out += (first ? "" : " ") + word;
    first = false;
  }
  return out;
}

bool plain_title(std::string_view title) {
  return title.size() <= 80 && title.find_first_of(":;()[]<>|\"=/") == std::string_view::npos &&
         !title.ends_with(".") && count_words(title) >= 2 && count_words(title) <= 10;
}

std::string how_do_you(std::string_view subject, const std::string& deed) {
  std::string question = "How do you " + deed;
  if (!subject.empty() && !mentions(deed, subject)) question += in_subject(subject);
  return question + "?";
}

}  // namespace

void find_questions(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (const Section& section : layout.sections) {
    std::string_view title = section.title;
    for (const std::string_view mark : {"Q: ", "Q. ", "Question: "}) {
      if (title.starts_with(mark)) title = trim(title.substr(mark.size()));
    }
    if (title.empty() || title.back() != '?' || !is_whole_question(title)) continue;
    add(out, "question", ask_in(subject_of(layout), title), answer_run(section.blocks, bounds));
  }
}

void find_how_to(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (const Section& section : layout.sections) {
    std::string_view title = section.title;
    const std::string small = lower(title.substr(0, 7));
    if (small != "how to " || !plain_title(title) || !is_whole_question(title)) continue;
    const std::string deed = sentence_case(trim(title.substr(7)), section);
    add(out, "how_to", how_do_you(subject_of(layout), lower_first(deed)), answer_run(section.blocks, bounds));
  }
}

void find_tasks(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (const Section& section : layout.sections) {
    const std::string_view opening = first_word(section.title);
    const std::string base = base_of_gerund(opening);
    if (base.empty() || !plain_title(section.title) ||
        !is_whole_question(std::string(section.title) + " in practice ?"))
      continue;
    const std::string rest = sentence_case(trim(section.title.substr(opening.size())), section);
    if (count_words(rest) < 2) continue;  // "Handling exceptions": too general to be asked without its page
    if (mentions(rest, "and") || mentions(rest, "vs") || mentions(rest, "example")) continue;
    AnswerBounds longer = bounds;
    longer.min_words = std::max<std::size_t>(bounds.min_words, 35);
    longer.whole = true;
    add(out, "task", how_do_you(subject_of(layout), format("{} {}", base, rest)), answer_run(section.blocks, longer));
  }
}

/// Section "Generators": "A generator is ..." or "Generators are ...".
void find_what_is(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (const Section& section : layout.sections) {
    if (section.blocks.empty() || section.blocks[0].kind != BlockKind::paragraph || count_words(section.title) > 4)
      continue;
    std::string_view text = section.blocks[0].text;
    std::string article;
    for (const std::string_view a : {"A ", "An ", "The "}) {
      if (text.starts_with(a)) {
        article = lower(a);
        text.remove_prefix(a.size());
        break;
      }
    }
    const std::string title = lower(section.title), opening = lower(text.substr(0, title.size() + 40));
    std::string singular = title;
    if (singular.size() > 3 && singular.back() == 's' && singular[singular.size() - 2] != 's') singular.pop_back();
    for (const std::string_view verb : {" is a ", " is an ", " is the ", " are "}) {
      const std::string& name =
          verb == " are " ? title : (opening.starts_with(singular + std::string(verb)) ? singular : title);
      if (name.empty() || !opening.starts_with(name + std::string(verb))) continue;
      std::string question = verb == " are " ? "What are " : "What is " + article;
      question += std::string(text.substr(0, name.size()));
      if (!subject_of(layout).empty() && !mentions(question, subject_of(layout)))
        question += in_subject(subject_of(layout));
      add(out, "what_is", question + "?", answer_run(section.blocks, bounds));
      break;
    }
  }
}

}  // namespace equal::extract
