#include "pattern_finders.hpp"

#include <algorithm>
#include <array>

#include "pattern_english.hpp"

namespace equal::extract {

std::string_view subject_of(const Layout& layout) {
  return layout.path.empty() ? std::string_view{} : layout.path.front();
}

std::string_view module_of(std::string_view title) {
  for (const std::string_view dash : {" \xE2\x80\x94 ", " \xE2\x80\x93 ", " - ", " -- "}) {
    if (const std::size_t at = title.find(dash); at != std::string_view::npos) {
      const std::string_view name = title.substr(0, at);
      return !name.empty() && name.find(' ') == std::string_view::npos ? name : std::string_view{};
    }
  }
  return {};
}

std::vector<std::string_view> titles_above(const Layout& layout, std::size_t section) {
  std::vector<std::string_view> open;
  int level = layout.sections[section].level;
  for (std::size_t i = section; i-- > 0;) {
    if (layout.sections[i].level > 0 && layout.sections[i].level < level) {
      open.push_back(layout.sections[i].title);
      level = layout.sections[i].level;
    }
  }
  std::vector<std::string_view> out(layout.path.begin() + (layout.path.empty() ? 0 : 1), layout.path.end());
  out.insert(out.end(), open.rbegin(), open.rend());
  return out;
}

std::string ask_in(std::string_view subject, std::string_view question) {
  static constexpr std::array<std::string_view, 27> kOpenings{"what's",  "what\xE2\x80\x99s",
                                                              "where's", "how",
                                                              "what",    "why",
                                                              "when",    "where",
                                                              "which",   "who",
                                                              "can",     "could",
                                                              "do",      "does",
                                                              "did",     "is",
                                                              "are",     "should",
                                                              "will",    "would",
                                                              "may",     "must",
                                                              "has",     "have",
                                                              "was",     "am",
                                                              "were"};
  if (subject.empty() || mentions(question, subject)) return std::string(question);
  const std::string word = lower(first_word(question));
  const bool known = std::find(kOpenings.begin(), kOpenings.end(), word) != kOpenings.end();
  return known ? "In " + std::string(subject) + ", " + lower_first(question)
               : std::string(subject) + ": " + std::string(question);
}

std::string in_subject(std::string_view subject) { return subject.empty() ? "" : " in " + std::string(subject); }

std::string_view body_run(const TextBlock& block, const AnswerBounds& bounds) {
  return answer_run(blocks_of(block.body), bounds);
}

void add(std::vector<Candidate>& out, std::string_view rule, std::string question, std::string_view answer,
         const char* position) {
  if (!answer.empty()) out.push_back({std::move(question), dedent(answer), rule, position ? position : answer.data()});
}

}  // namespace equal::extract
