#include "pattern_signature.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "pattern_english.hpp"
#include "pattern_layout.hpp"

namespace equal::extract {
namespace {

constexpr std::size_t kLongestShown = 72;  // a longer signature makes no readable question

constexpr std::array<std::string_view, 8> kSettingTypes{"(integer)",        "(boolean)", "(string)", "(enum)",
                                                        "(floating point)", "(real)",    "(bool)",   "(int)"};

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// A name of code: word characters and `.`, `::`, `->`, a leading sigil; not a plain word.
bool is_code_name(std::string_view name) {
  if (name.empty() || name.size() > 60) return false;
  if (name[0] == '$' || name[0] == '@' || name[0] == '%') name.remove_prefix(1);
  if (name.empty() || !(is_word_char(name[0]) && !(name[0] >= '0' && name[0] <= '9'))) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (static_cast<unsigned char>(c) >= 0x80) return false;
    if (is_word_char(c) || c == '.' || c == ':') continue;
    if (c == '-' && i + 1 < name.size() && name[i + 1] == '>') continue;
    if (c == '>' && i > 0 && name[i - 1] == '-') continue;
    return false;
  }
  return is_word_char(name.back());
}

/// Where the bracket that opens `text` closes; beyond its end when it does not.
std::size_t closing(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i;
  }
  return std::string_view::npos - 1;
}

std::string tidy_arguments(std::string_view arguments) {
  std::string out;
  for (const char c : arguments) {
    const bool blank = c == ' ' || c == '\n';
    if (blank && (out.empty() || out.back() == ' ' || out.back() == '(')) continue;
    if ((c == ',' || c == ')') && !out.empty() && out.back() == ' ') out.pop_back();
    out.push_back(blank ? ' ' : c);
  }
  return out;
}

Entry option(std::string_view term) {
  Entry out;
  std::string best;
  while (!term.empty()) {  // "-q, --quiet" or "--sort=<key>": the first long form
    const std::size_t end = std::min(term.find_first_of(" ,|/"), term.size());
    std::string_view word = term.substr(0, end);
    word = word.substr(0, word.find_first_of("=[<("));
    const bool is_option = word.size() >= 2 && word[0] == '-' && std::all_of(word.begin() + 1, word.end(), [](char c) {
                             return is_word_char(c) || c == '-';
                           });
    if (is_option && (best.empty() || (!best.starts_with("--") && word.starts_with("--")))) best = word;
    term.remove_prefix(std::min(end + 1, term.size()));
  }
  if (best.empty()) return out;
  out.kind = EntryKind::option;
  out.name = out.shown = best;
  return out;
}

}  // namespace

Entry read_entry(std::string_view term) {
  term = trim(term);
  Entry out;
  if (term.empty() || term.size() > 300) return out;
  if (term[0] == '-') return option(term);
  EntryKind said = EntryKind::none;
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix :
         {"abstract ", "abstractmethod ", "async ", "awaitable ", "classmethod ", "staticmethod ", "coroutine ",
          "final ", "property ", "function ", "method ", "attribute ", "async for ... in "}) {
      again = drop_prefix(term, prefix) || again;
    }
    if (drop_prefix(term, "class ")) said = EntryKind::type, again = true;
    if (drop_prefix(term, "exception ")) said = EntryKind::exception, again = true;
  }
  for (const std::string_view arrow : {" \xE2\x86\x92 ", " -> ", " \xC2\xB6"})
    term = trim(term.substr(0, term.find(arrow)));
  const std::size_t open = term.find('(');
  if (open == std::string_view::npos) {
    std::string_view name = trim(term.substr(
        0, term.find_first_of("=:", std::min(term.find("::") + 2, term.size()) == 1 ? 0 : term.rfind("::") + 2)));
    if (!is_code_name(name)) return out;
    out.kind = said == EntryKind::none ? EntryKind::name : said;
    out.name = out.shown = name;
    return out;
  }
  std::string_view head = trim(term.substr(0, open));
  const std::string_view arguments = trim(term.substr(open));
  std::string results;
  if (const std::size_t assigned = head.rfind("= ");
      assigned != std::string_view::npos) {  // Octave: [n, s] = weekday (d)
    results = std::string(head.substr(0, assigned + 2));
    head = trim(head.substr(assigned + 2));
  }
  if (std::find(kSettingTypes.begin(), kSettingTypes.end(), arguments) != kSettingTypes.end() && is_code_name(head)) {
    out.kind = EntryKind::setting;
    out.name = out.shown = head;
    return out;
  }
  if (closing(arguments) + 1 != arguments.size()) return out;
  const std::size_t blank = head.find_last_of(" *");
  std::string_view name = blank == std::string_view::npos ? head : head.substr(blank + 1);
  if (blank != std::string_view::npos) {  // a C return type: words, stars
    const std::string_view type = head.substr(0, blank);
    if (!std::all_of(type.begin(), type.end(), [](char c) { return is_word_char(c) || c == ' ' || c == '*'; }) ||
        type.find(' ') != type.rfind(' '))
      return out;
    out.c_function = true;
  }
  if (name.size() > 1 && name[0] == '\\') name.remove_prefix(1);
  if (!is_code_name(name)) return out;
  out.kind = said == EntryKind::none ? EntryKind::call : said;
  out.name = name;
  const std::string whole = results + out.name + tidy_arguments(arguments);
  out.shown = whole.size() <= kLongestShown ? whole : out.name + "()";
  return out;
}

}  // namespace equal::extract
