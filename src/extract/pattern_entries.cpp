// Rules over the entries of a reference: functions, classes, variables, settings with their descriptions.
#include <algorithm>
#include <array>

#include "pattern_english.hpp"
#include "pattern_finders.hpp"
#include "pattern_signature.hpp"

namespace equal::extract {
namespace {

bool any_mentions(const std::vector<std::string_view>& titles, std::string_view word) {
  return std::any_of(titles.begin(), titles.end(),
                     [&](std::string_view t) { return lower(t).find(word) != std::string::npos; });
}

/// " in Python", " in the Perl module Math::Trig", " in Python's C API".
std::string place_of(const Layout& layout, const std::vector<std::string_view>& titles, const Entry& entry) {
  const std::string subject(subject_of(layout));
  if (subject.empty()) return {};
  std::string_view module;
  for (const std::string_view title : titles) {
    if (const std::string_view m = module_of(title); !m.empty()) module = m;
  }
  if (subject == "Perl" && module.starts_with("perl")) {
    static constexpr std::array<std::string_view, 9> kInternals{
        "perlapi", "perlintern", "perlguts", "perlclib", "perlcall", "perlxs", "perlapio", "perliol", "perlembed"};
    if (std::find(kInternals.begin(), kInternals.end(), module) != kInternals.end()) return " in Perl's C API";
    module = {};
  }
  if (entry.c_function && subject == "Python") return " in Python's C API";
  const bool qualified = entry.name.find('.') != std::string::npos || entry.name.find("::") != std::string::npos;
  if (!module.empty() && !qualified && (subject == "Perl" || subject == "Python"))
    return " in the " + subject + " module " + std::string(module);
  return " in " + subject;
}

/// The question that an entry's body answers, from the body's first word; empty when it answers none.
std::string question_for(const Entry& entry, std::string_view body, const std::string& place) {
  const std::string opening = lower(first_word(body));
  const std::string& name = entry.shown;
  const bool of_itself = body.starts_with(entry.name);
  const bool action = is_action(opening) || opening == "this" || of_itself;
  switch (entry.kind) {
    case EntryKind::exception:
      if (opening == "raised") return "When is " + entry.name + " raised" + place + "?";
      return is_description(opening) ? "What is the exception " + entry.name + place + "?" : "";
    case EntryKind::type:
      if (is_description(opening)) return "What is the class " + entry.name + place + "?";
      return action ? "What does " + name + " do" + place + "?" : "";
    case EntryKind::call:
      if (action) return "What does " + name + " do" + place + "?";
      return {};
    case EntryKind::name:
      if (is_description(opening)) return "What is " + name + place + "?";
      return action ? "What does " + name + " do" + place + "?" : "";
    case EntryKind::setting:
      if (action || opening == "if" || opening == "when" || is_description(opening))
        return "What does the " + name + " setting do" + place + "?";
      return {};
    case EntryKind::option:
    case EntryKind::none:
      break;
  }
  return {};
}

}  // namespace

void find_entries(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (std::size_t s = 0; s < layout.sections.size(); ++s) {
    const Section& section = layout.sections[s];
    std::vector<std::string_view> titles = titles_above(layout, s);
    titles.push_back(section.title);
    for (const std::string_view lists_arguments : {"rgument", "arameter", "return value", "field"}) {
      if (lower(section.title).find(lists_arguments) != std::string::npos) titles.clear();
    }
    if (titles.empty()) continue;
    const bool environment = any_mentions(titles, "environment");
    const bool settings =
        any_mentions(titles, "config") || any_mentions(titles, "settings") || any_mentions(titles, "variables");
    for (const TextBlock& block : section.blocks) {
      if (block.kind != BlockKind::definition || block.terms.size() > 3) continue;
      Entry entry = read_entry(block.terms.front());
      if (entry.kind == EntryKind::none || entry.kind == EntryKind::option) continue;
      const bool plain_word = entry.kind == EntryKind::name && entry.name.find_first_of("._:$@%") == std::string::npos;
      if (plain_word && module_of(titles.front()) != "perlfunc") continue;
      const std::string_view answer = body_run(block, bounds);
      if (answer.empty()) continue;
      const std::string place = place_of(layout, titles, entry);
      const bool capitals = entry.name.size() >= 3 &&
                            entry.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
      if (environment && capitals) {
        add(out, "entry", "What does the environment variable " + entry.name + " do" + place + "?", answer,
            block.text.data());
        continue;
      }
      if (settings && entry.kind == EntryKind::name) entry.kind = EntryKind::setting;
      if (std::string question = question_for(entry, trim(answer), place); !question.empty())
        add(out, "entry", std::move(question), answer, block.text.data());
    }
  }
}

/// A page or section named for one identifier: "CMAKE_CXX_STANDARD", "sqlite3_open()".
void find_identifier_sections(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (std::size_t s = 0; s < layout.sections.size(); ++s) {
    const Section& section = layout.sections[s];
    if (section.title.find(' ') != std::string_view::npos || section.title.find('_') == std::string_view::npos)
      continue;
    const Entry entry = read_entry(section.title);
    if (entry.kind != EntryKind::name && entry.kind != EntryKind::call) continue;
    const std::string_view answer = answer_run(section.blocks, bounds);
    if (answer.empty()) continue;
    std::string question = question_for(entry, trim(answer), place_of(layout, titles_above(layout, s), entry));
    if (!question.empty()) add(out, "identifier", std::move(question), answer);
  }
}

}  // namespace equal::extract
