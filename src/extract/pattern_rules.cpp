#include "pattern_rules.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "pattern_english.hpp"
#include "pattern_signature.hpp"

namespace equal::extract {
namespace {

std::string_view subject_of(const Layout& layout) {
  return layout.path.empty() ? std::string_view{} : layout.path.front();
}

/// "os" of "os — Miscellaneous operating system interfaces", "Math::Trig" of "Math::Trig - trigonometric functions".
std::string_view module_of(std::string_view title) {
  for (const std::string_view dash : {" \xE2\x80\x94 ", " \xE2\x80\x93 ", " - ", " -- "}) {
    if (const std::size_t at = title.find(dash); at != std::string_view::npos) {
      const std::string_view name = title.substr(0, at);
      return !name.empty() && name.find(' ') == std::string_view::npos ? name : std::string_view{};
    }
  }
  return {};
}

/// All headings that stand above a section, outermost first: the path without its subject, then open sections.
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

bool any_mentions(const std::vector<std::string_view>& titles, std::string_view word) {
  return std::any_of(titles.begin(), titles.end(),
                     [&](std::string_view t) { return lower(t).find(word) != std::string::npos; });
}

/// "How do I sort?" -> "In Perl, how do I sort?", unless the question already says so.
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

/// `position`: where in the document; that of the answer when it is a view into the document.
void add(std::vector<Candidate>& out, std::string_view rule, std::string question, std::string_view answer,
         const char* position = nullptr) {
  if (!answer.empty()) out.push_back({std::move(question), dedent(answer), rule, position ? position : answer.data()});
}

// ---- sections
// ----------------------------------------------------------------------------------------------------------

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
  if (!subject.empty() && !mentions(deed, subject)) question += " in " + std::string(subject);
  return question + "?";
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
    add(out, "task", how_do_you(subject_of(layout), base + " " + rest), answer_run(section.blocks, longer));
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
        question += " in " + std::string(subject_of(layout));
      add(out, "what_is", question + "?", answer_run(section.blocks, bounds));
      break;
    }
  }
}

// ---- marked questions and exercises
// ------------------------------------------------------------------------------------

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

// ---- reference entries
// -------------------------------------------------------------------------------------------------

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

/// A view into block.body.
std::string_view body_run(const TextBlock& block, const AnswerBounds& bounds) {
  return answer_run(blocks_of(block.body), bounds);
}

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
            (subject.empty() ? "" : " in " + subject) + "?",
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
        question =
            "What does the " + std::string(page) + " command do" + (subject.empty() ? "" : " in " + subject) + "?";
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
      add(out, "term",
          "What does the term \"" + std::string(block.terms[0]) + "\" mean" +
              (subject.empty() ? "" : " in " + subject) + "?",
          answer, block.text.data());
    }
  }
}

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

constexpr RuleRow kRules[] = {
    {{"question",
      "a heading, or a line alone between empty ones, that is a whole question; the answer is the text under it"},
     find_questions},
    {{"how_to", "a heading \"How to ...\""}, find_how_to},
    {{"task", "a heading that starts with a gerund: \"Creating a table\""}, find_tasks},
    {{"what_is", "a heading X over a text that opens with \"X is a\", \"An X is\" or \"Xs are\""}, find_what_is},
    {{"marked", "\"Q: ...\" and \"A: ...\", \"Question:\" and \"Answer:\""}, find_marked_questions},
    {{"exercise", "\"Exercise n: ...\" and \"Solution: ...\", \"Problem\", \"Answer\""}, find_exercises},
    {{"entry", "a function, class, variable or setting with its description: a term line with an indented body"},
     find_entries},
    {{"identifier", "a section named for one identifier that its text describes"}, find_identifier_sections},
    {{"option", "a command-line option with its description, on the page of a command"}, find_options},
    {{"directive", "a section \"X Directive\" of a server manual"}, find_directives},
    {{"purpose", "the description of a manual page, or the opening of a page \"module - purpose\""}, find_purposes},
    {{"term", "a term of a glossary with its meaning"}, find_terms},
};

}  // namespace

std::span<const RuleRow> rule_table() { return kRules; }

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
