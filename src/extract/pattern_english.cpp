#include "pattern_english.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace equal::extract {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 156> kActions{
    "accept",    "activate",  "add",       "adjust",   "allocate",   "allow",    "append",    "apply",      "arrange",
    "ask",       "assert",    "assign",    "attach",   "attempt",    "block",    "break",     "build",      "calculate",
    "call",      "cancel",    "cause",     "change",   "check",      "clean",    "clear",     "close",      "collect",
    "combine",   "compare",   "compile",   "compute",  "configure",  "connect",  "construct", "control",    "convert",
    "copy",      "count",     "create",    "cut",      "deactivate", "decode",   "decrease",  "define",     "delete",
    "describe",  "detach",    "determine", "disable",  "display",    "divide",   "draw",      "dump",       "emit",
    "enable",    "encode",    "ensure",    "escape",   "evaluate",   "examine",  "execute",   "expand",     "extract",
    "fetch",     "fill",      "filter",    "find",     "flush",      "force",    "format",    "generate",   "get",
    "give",      "ignore",    "implement", "import",   "include",    "increase", "indicate",  "initialize", "insert",
    "install",   "interpret", "invoke",    "iterate",  "join",       "keep",     "limit",     "list",       "load",
    "lock",      "look",      "make",      "map",      "mark",       "match",    "merge",     "modify",     "move",
    "normalize", "obtain",    "omit",      "open",     "output",     "override", "parse",     "pass",       "perform",
    "plot",      "pop",       "prepare",   "prevent",  "print",      "process",  "produce",   "provide",    "push",
    "query",     "raise",     "read",      "receive",  "record",     "register", "release",   "remove",     "rename",
    "replace",   "report",    "request",   "require",  "reset",      "resolve",  "restore",   "restrict",   "retrieve",
    "return",    "reverse",   "rewrite",   "round",    "run",        "save",     "search",    "select",     "send",
    "set",       "show",      "shut",      "simplify", "skip",       "solve",    "sort",      "specify",    "split",
    "start",     "stop",      "store"};
constexpr std::array<std::string_view, 33> kMoreActions{
    "strip",    "suppress", "swap",     "take", "tell",  "terminate", "test",   "transform", "translate",
    "traverse", "treat",    "truncate", "try",  "turn",  "undo",      "unlock", "update",    "use",
    "verify",   "wait",     "warn",     "wrap", "write", "yield",     "behave", "bind",      "compose",
    "dispatch", "download", "encrypt",  "hash", "hide",  "unpack"};

constexpr std::array<std::string_view, 19> kDescriptions{
    "a",      "an",   "the",   "read-only",  "boolean",   "string", "list", "dictionary", "tuple",   "integer",
    "number", "name", "array", "represents", "represent", "base",   "path", "abstract",   "constant"};
constexpr std::array<std::string_view, 30> kKinds{
    "function", "method",      "option",    "command",   "directive",  "variable", "module",     "macro",
    "class",    "setting",     "parameter", "attribute", "property",   "operator", "constant",   "exception",
    "routine",  "keyword",     "statement", "utility",   "package",    "program",  "subroutine", "pragma",
    "tool",     "environment", "object",    "decorator", "subcommand", "call"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 66> kGerunds{{
    {"accessing", "access"},
    {"adding", "add"},
    {"backing", "back"},
    {"building", "build"},
    {"calling", "call"},
    {"catching", "catch"},
    {"changing", "change"},
    {"checking", "check"},
    {"choosing", "choose"},
    {"combining", "combine"},
    {"comparing", "compare"},
    {"compiling", "compile"},
    {"computing", "compute"},
    {"configuring", "configure"},
    {"connecting", "connect"},
    {"controlling", "control"},
    {"converting", "convert"},
    {"copying", "copy"},
    {"creating", "create"},
    {"customizing", "customize"},
    {"debugging", "debug"},
    {"declaring", "declare"},
    {"defining", "define"},
    {"deleting", "delete"},
    {"determining", "determine"},
    {"disabling", "disable"},
    {"displaying", "display"},
    {"editing", "edit"},
    {"embedding", "embed"},
    {"enabling", "enable"},
    {"executing", "execute"},
    {"extending", "extend"},
    {"extracting", "extract"},
    {"filtering", "filter"},
    {"finding", "find"},
    {"formatting", "format"},
    {"generating", "generate"},
    {"getting", "get"},
    {"handling", "handle"},
    {"importing", "import"},
    {"inserting", "insert"},
    {"installing", "install"},
    {"iterating", "iterate"},
    {"loading", "load"},
    {"looping", "loop"},
    {"making", "make"},
    {"merging", "merge"},
    {"modifying", "modify"},
    {"opening", "open"},
    {"overriding", "override"},
    {"parsing", "parse"},
    {"passing", "pass"},
    {"printing", "print"},
    {"querying", "query"},
    {"reading", "read"},
    {"removing", "remove"},
    {"renaming", "rename"},
    {"replacing", "replace"},
    {"restoring", "restore"},
    {"running", "run"},
    {"selecting", "select"},
    {"setting", "set"},
    {"sorting", "sort"},
    {"testing", "test"},
    {"using", "use"},
    {"writing", "write"},
}};

constexpr std::array<std::string_view, 61> kMiddles{
    "it",           "its",      "they",      "their",   "them",     "he",        "she",        "these",      "those",
    "that",         "such",     "see",       "same",    "as above", "ditto",     "likewise",   "similarly",  "similar",
    "like",         "also",     "however",   "but",     "and",      "or",        "so",         "thus",       "hence",
    "therefore",    "then",     "otherwise", "instead", "another",  "alias",     "synonym",    "deprecated", "obsolete",
    "undocumented", "reserved", "internal",  "todo",    "fixme",    "identical", "equivalent", "analogous",  "unlike",
    "both",         "here",     "again",     "finally", "next",     "second",    "third",      "first",      "note",
    "warning",      "caution",  "removed",   "unused",  "source",   "not",       "none"};

constexpr std::array<std::string_view, 69> kElsewhere{"documentation below",
                                                      "section below",
                                                      "sections below",
                                                      "details below",
                                                      "example below",
                                                      "examples below",
                                                      "discussion below",
                                                      "previous question",
                                                      "next question",
                                                      "previous answer",
                                                      "question above",
                                                      "see below",
                                                      "described below",
                                                      "shown below",
                                                      "listed below",
                                                      "discussed below",
                                                      "explained below",
                                                      "given below",
                                                      "mentioned below",
                                                      "described above",
                                                      "shown above",
                                                      "listed above",
                                                      "discussed above",
                                                      "explained above",
                                                      "given above",
                                                      "mentioned above",
                                                      "see above",
                                                      "the above",
                                                      "as above",
                                                      "example above",
                                                      "examples above",
                                                      "below for",
                                                      "above for",
                                                      "previous section",
                                                      "next section",
                                                      "following section",
                                                      "following sections",
                                                      "this section",
                                                      "this chapter",
                                                      "this appendix",
                                                      "this document",
                                                      "this manual",
                                                      "this page",
                                                      "this tutorial",
                                                      "this guide",
                                                      "this faq",
                                                      "earlier in this",
                                                      "later in this",
                                                      "previous chapter",
                                                      "next chapter",
                                                      "preceding section",
                                                      "the previous example",
                                                      "the preceding example",
                                                      "we saw",
                                                      "we have seen",
                                                      "as before",
                                                      "the next example",
                                                      "previous examples",
                                                      "this howto",
                                                      "the section",
                                                      "see section",
                                                      "in section",
                                                      "the list below",
                                                      "the table below",
                                                      "table of contents",
                                                      "following table",
                                                      "the figure",
                                                      "this example",
                                                      "the last example"};

bool base_is_action(std::string_view base) { return is_one_of(base, kActions) || is_one_of(base, kMoreActions); }

/// `needle` occurs in `hay` as whole words; both in lower case.
bool holds(std::string_view hay, std::string_view needle) {
  for (std::size_t at = hay.find(needle); at != std::string_view::npos; at = hay.find(needle, at + 1)) {
    const std::size_t end = at + needle.size();
    if ((at == 0 || !is_word_char(hay[at - 1])) && (end == hay.size() || !is_word_char(hay[end]))) return true;
  }
  return false;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view first_word(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && (is_word_char(text[n]) || text[n] == '\'' || (text[n] == '-' && n > 0))) ++n;
  return text.substr(0, n);
}

bool mentions(std::string_view text, std::string_view phrase) { return holds(lower(text), lower(phrase)); }

bool is_action(std::string_view word) {
  const std::string w = lower(word);
  if (base_is_action(w)) return true;
  const auto without = [&](std::size_t n) { return std::string_view(w).substr(0, w.size() - n); };
  if (w.size() > 3 && w.ends_with("ies")) return base_is_action(std::string(without(3)) + "y");
  if (w.size() > 2 && w.ends_with("es") && base_is_action(without(2))) return true;
  return w.size() > 1 && w.back() == 's' && base_is_action(without(1));
}

bool is_description(std::string_view word) { return is_one_of(lower(word), kDescriptions); }
bool is_kind_of_entry(std::string_view word) { return is_one_of(lower(word), kKinds); }

std::string base_of_gerund(std::string_view word) {
  const std::string w = lower(word);
  for (const auto& [gerund, base] : kGerunds) {
    if (w == gerund) return std::string(base);
  }
  return {};
}

bool opens_in_the_middle(std::string_view text) {
  const std::string_view opening = first_word(text);
  if (opening.empty()) return true;
  const std::string word = lower(opening);
  if (is_one_of(word, kMiddles)) return true;
  if (word != "this") return false;
  std::string_view rest = text.substr(opening.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return !is_kind_of_entry(first_word(rest));
}

bool refers_elsewhere(std::string_view text) {
  const std::string small = lower(text);
  return std::any_of(kElsewhere.begin(), kElsewhere.end(),
                     [&](std::string_view phrase) { return holds(small, phrase); });
}

bool ends_well(std::string_view text) {
  const std::size_t line = text.find_last_of('\n');
  const std::string_view last = text.substr(line == std::string_view::npos ? 0 : line + 1);
  if (last.size() >= 4 && last.substr(0, 4) == "    ") return true;  // code
  std::size_t end = last.size();
  while (end > 0 && (last[end - 1] == ')' || last[end - 1] == '"' || last[end - 1] == '\'' || last[end - 1] == ' '))
    --end;
  if (end == 0) return false;
  const char c = last[end - 1];
  const bool quote_mark =
      end >= 3 && (last.substr(end - 3, 3) == "\xE2\x80\x9D" || last.substr(end - 3, 3) == "\xE2\x80\x99");
  return c == '.' || c == '!' || c == '?' || (quote_mark && end >= 4 && last[end - 4] == '.');
}

std::string lower_first(std::string_view text) {
  const std::string_view word = first_word(text);
  const bool name = word.size() == 1 ? word != "A"
                                     : std::any_of(word.begin() + (word.empty() ? 0 : 1), word.end(),
                                                   [](char c) { return c >= 'A' && c <= 'Z'; });
  std::string out(text);
  if (!out.empty() && !name) out[0] = lower(out.substr(0, 1))[0];
  return out;
}

}  // namespace equal::extract
