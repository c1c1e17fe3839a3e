// Rules over pages of a known make: manual pages of commands and modules, server manuals, glossaries.
#include <algorithm>

#include "pattern_english.hpp"
#include "pattern_finders.hpp"
#include "pattern_signature.hpp"

namespace equal::extract {
namespace {

/// "git ls-remote" of "git-ls-remote(1)", "psql" of "psql": the command that options belong to; empty when unsure.
std::string command_of(const std::vector<std::string_view>& titles) {
  for (const std::string_view title : titles) {
    std::string_view name = title;
    if (const std::size_t open = name.find('(');
        open != std::string_view::npos && name.ends_with(")") && name.size() - open <= 4)
      name = name.substr(0, open);
    else if (!module_of(name).empty())
      name = module_of(name);
    if (name == "perlrun") return "perl";
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string_view::npos || name.size() < 2)
      continue;
    if (name.starts_with("git-")) return "git " + std::string(name.substr(4));
    return std::string(name);
  }
  return {};
}

}  // namespace

void find_options(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (std::size_t s = 0; s < layout.sections.size(); ++s) {
    std::vector<std::string_view> titles = titles_above(layout, s);
    const std::string command = command_of(titles);
    if (command.empty()) continue;
    for (const TextBlock& block : layout.sections[s].blocks) {
      if (block.kind != BlockKind::definition || block.terms.front()[0] != '-') continue;
      std::string all;
      for (const std::string_view term : block.terms) all += std::string(term) + " ";
      const Entry entry = read_entry(trim(all));
      if (entry.kind != EntryKind::option) continue;
      const std::string_view answer = body_run(block, bounds);
      const std::string opening = lower(first_word(trim(answer)));
      const bool fits = is_action(opening) || opening == "this" || opening == "do" || opening == "don't" ||
                        opening == "when" || opening == "by" || opening == "instead" || opening == "if" ||
                        opening == "only" || opening == "with" || opening == "after" || opening == "before";
      if (fits)
        add(out, "option", "What does the " + entry.name + " option of " + command + " do?", answer, block.text.data());
    }
  }
}

/// Apache: "KeepAlive Directive", a table of facts, then prose.
void find_directives(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  for (const Section& section : layout.sections) {
    if (!section.title.ends_with(" Directive") || count_words(section.title) != 2) continue;
    const std::size_t facts = !section.blocks.empty() && section.blocks[0].text.starts_with("Description:") ? 1 : 0;
    const std::span<const TextBlock> prose = std::span(section.blocks).subspan(facts);
    const std::string subject(subject_of(layout));
    add(out, "directive",
        "What does the " + std::string(section.title.substr(0, section.title.size() - 10)) + " directive do" +
            in_subject(subject) + "?",
        answer_run(prose, bounds));
  }
}

/// The DESCRIPTION of a manual page, and the opening of a page "module — purpose".
void find_purposes(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  const std::string subject(subject_of(layout));
  for (std::size_t s = 0; s < layout.sections.size(); ++s) {
    const Section& section = layout.sections[s];
    const std::vector<std::string_view> titles = titles_above(layout, s);
    std::string question;
    if (lower(section.title) == "description" && !titles.empty()) {
      const std::string_view page = titles.back();
      const bool sql =
          count_words(page) <= 4 && page.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ ") == std::string_view::npos;
      if (const std::string_view module = module_of(page);
          !module.empty() && (subject == "Perl" || subject == "Python")) {
        if (!module.starts_with("perl"))
          question = "What is the " + subject + " module " + std::string(module) + " for?";
      } else if (sql && subject == "PostgreSQL" && page.size() > 2) {
        question = "What does the " + std::string(page) + " command do" + in_subject(subject) + "?";
      } else if (const std::string command = command_of({page}); !command.empty()) {
        question = "What does " + command + " do?";
      }
    } else if (titles.empty() && subject == "Python" && !module_of(section.title).empty()) {
      question = "What is the Python module " + std::string(module_of(section.title)) + " for?";
    }
    if (question.empty()) continue;
    AnswerBounds longer = bounds;
    longer.min_words = std::max<std::size_t>(bounds.min_words, 20);
    add(out, "purpose", question, answer_run(section.blocks, longer));
  }
}

void find_terms(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out) {
  const std::string subject(subject_of(layout));
  for (std::size_t s = 0; s < layout.sections.size(); ++s) {
    const Section& section = layout.sections[s];
    std::vector<std::string_view> titles = titles_above(layout, s);
    titles.push_back(section.title);
    const auto lists_terms = [](std::string_view title) {
      const std::string small = lower(title);
      return small.find("glossary") != std::string::npos || small == "terminology" || small == "definitions" ||
             small == "terms";
    };
    if (std::none_of(titles.begin(), titles.end(), lists_terms)) continue;
    for (const TextBlock& block : section.blocks) {
      if (block.kind != BlockKind::definition || block.terms.size() != 1 || count_words(block.terms[0]) > 4 ||
          block.terms[0].front() == '-' || block.terms[0].find('(') != std::string_view::npos)
        continue;
      const std::string_view answer = body_run(block, bounds);
      add(out, "term", "What does the term \"" + std::string(block.terms[0]) + "\" mean" + in_subject(subject) + "?",
          answer, block.text.data());
    }
  }
}

}  // namespace equal::extract
