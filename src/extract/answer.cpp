#include "equal/extract/answer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/extract/prompt.hpp"

namespace equal::extract {
namespace {

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

void add(Answer& out, Pair pair, std::size_t max_pairs) {
  if (out.pairs.size() < max_pairs) {
    out.pairs.push_back(std::move(pair));
  } else {
    ++out.surplus;
  }
}

enum class TagName { pair, question, answer };

struct Tag {
  std::size_t begin, end;  // of "<...>"
  TagName name;
  bool closing;
};

/// The tag at text[at] == '<', if it is one of ours.
std::optional<Tag> tag_at(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  const bool closing = i < text.size() && text[i] == '/';
  if (closing) ++i;
  std::string name;
  while (i < text.size() && name.size() <= 8 && std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i++])));
  }
  while (i < text.size() && text[i] == ' ') ++i;
  if (i >= text.size() || text[i] != '>') return std::nullopt;
  if (name == "pair") return Tag{at, i + 1, TagName::pair, closing};
  if (name == "question") return Tag{at, i + 1, TagName::question, closing};
  if (name == "answer" || name == "response") return Tag{at, i + 1, TagName::answer, closing};
  return std::nullopt;
}

std::vector<Tag> tags_of(std::string_view text) {
  std::vector<Tag> out;
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    if (const auto tag = tag_at(text, at)) out.push_back(*tag);
  }
  return out;
}

/// A line's text behind "Question:", "Q:", "**Answer 2:**" and the like.
std::optional<std::pair<bool, std::string_view>> labelled(std::string_view line) {
  constexpr std::string_view kDecoration = " \t*#->";
  std::size_t at = std::min(line.find_first_not_of(kDecoration), line.size());
  const std::size_t digits = at;
  while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])) != 0) ++at;
  if (at > digits && at < line.size() && (line[at] == '.' || line[at] == ')')) ++at;
  at = std::min(line.find_first_not_of(kDecoration, at), line.size());
  std::string word;
  while (at < line.size() && word.size() <= 8 && std::isalpha(static_cast<unsigned char>(line[at])) != 0) {
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(line[at++])));
  }
  const bool asks = word == "question" || word == "q", answers = word == "answer" || word == "a";
  if (!asks && !answers) return std::nullopt;
  while (at < line.size() &&
         (std::isdigit(static_cast<unsigned char>(line[at])) != 0 || line[at] == ' ' || line[at] == '*'))
    ++at;
  if (at >= line.size() || line[at] != ':') return std::nullopt;
  at = std::min(line.find_first_not_of(" \t*", at + 1), line.size());
  return std::make_pair(asks, line.substr(at));
}

Answer parse_labelled(std::string_view text, bool ended, std::size_t max_pairs) {
  Answer out;
  std::string question, answer;
  enum class Part { none, asking, answering } part = Part::none;
  const auto finish = [&](bool complete) {
    if (part == Part::answering && complete && !is_blank(answer)) {
      add(out, {unescape_tags(question), unescape_tags(answer)}, max_pairs);
    } else if (part != Part::none) {
      ++out.incomplete;
    }
    question.clear();
    answer.clear();
    part = Part::none;
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto label = labelled(line);
    if (label && label->first) {
      finish(true);
      question = label->second;
      part = Part::asking;
    } else if (label && part == Part::asking) {
      answer = label->second;
      part = Part::answering;
    } else if (part == Part::asking) {
      question.append("\n").append(line);
    } else if (part == Part::answering) {
      answer.append("\n").append(line);
    }
  }
  finish(ended);
  return out;
}

constexpr std::array<std::string_view, 34> kLatex{
    "tan",        "tanh",  "tau",  "text",     "textbf",  "textit", "tfrac",  "theta", "therefore",
    "times",      "to",    "top",  "triangle", "nabla",   "ne",     "neg",    "neq",   "ni",
    "not",        "notin", "nu",   "rangle",   "rceil",   "Re",     "rfloor", "rho",   "right",
    "rightarrow", "rm",    "root", "rvert",    "newline", "nmid",   "tilde"};

/// A JSON object's text with backslashes doubled where they begin no escape, or a LaTeX command rather than one.
std::string mend_backslashes(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && static_cast<unsigned char>(c) < 0x20) {  // a raw line break inside a string
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : " ";
      continue;
    }
    if (c != '\\' || !in_string || i + 1 >= text.size()) {
      out += c;
      continue;
    }
    const char next = text[i + 1];
    std::size_t word_end = i + 1;
    while (word_end < text.size() && std::isalpha(static_cast<unsigned char>(text[word_end])) != 0) ++word_end;
    const std::string_view word = text.substr(i + 1, word_end - i - 1);
    const bool latex =
        (next == 'b' || next == 'f') ? word.size() > 1 : std::find(kLatex.begin(), kLatex.end(), word) != kLatex.end();
    bool escape = std::string_view("\"\\/bfnrt").find(next) != std::string_view::npos && !latex;
    if (next == 'u') {
      escape = i + 5 < text.size() && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                                                  text.begin() + static_cast<std::ptrdiff_t>(i) + 6,
                                                  [](unsigned char d) { return std::isxdigit(d) != 0; });
    }
    if (escape) {
      out += c;
      out += next;
      ++i;
    } else {
      out += "\\\\";
    }
  }
  return out;
}

/// The end of the JSON object that begins at text[at] == '{', or npos when the text ends before it.
std::size_t object_end(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : dump_json(value); }

std::optional<Pair> pair_of(std::string_view object) {
  Json json;
  try {
    json = parse_json(mend_backslashes(object), "answer");
  } catch (const DataError&) {
    return std::nullopt;
  }
  if (!json.is_object() || !json.contains("question") || !json.contains("answer")) return std::nullopt;
  if (json["question"].is_structured() || json["question"].is_null() || json["answer"].is_null()) return std::nullopt;
  return Pair{unescape_tags(text_of(json["question"])), unescape_tags(text_of(json["answer"]))};
}

}  // namespace

Answer parse_tagged(std::string_view text, bool ended, std::size_t max_pairs) {
  const std::vector<Tag> tags = tags_of(text);
  const bool any_question =
      std::any_of(tags.begin(), tags.end(), [](const Tag& t) { return t.name == TagName::question && !t.closing; });
  if (!any_question) return parse_labelled(text, ended, max_pairs);
  Answer out;
  const auto begins_pair = [](const Tag& t) { return !t.closing && t.name != TagName::answer; };
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (tags[i].closing || tags[i].name != TagName::question) continue;
    // The question runs to the next tag; the answer is the first text after that which is not blank, before the next
    // pair begins.
    if (i + 1 == tags.size()) {
      ++out.incomplete;
      break;
    }
    const std::string_view question = text.substr(tags[i].end, tags[i + 1].begin - tags[i].end);
    std::size_t k = i + 1;
    std::string_view answer;
    bool complete = false;
    for (; k < tags.size() && !begins_pair(tags[k]); ++k) {
      const bool last = k + 1 == tags.size();
      answer = text.substr(tags[k].end, (last ? text.size() : tags[k + 1].begin) - tags[k].end);
      complete = !last || ended;
      if (!is_blank(answer) || (tags[k].name == TagName::pair && tags[k].closing)) break;
    }
    if (complete && !is_blank(answer) && !is_blank(question) && k < tags.size() && !(tags[k].name == TagName::pair)) {
      add(out, {unescape_tags(question), unescape_tags(answer)}, max_pairs);
    } else {
      ++out.incomplete;
    }
  }
  return out;
}

Answer parse_json_pairs(std::string_view text, std::size_t max_pairs) {
  Answer out;
  // Objects are tried from the innermost that mentions a question: "{" whose next quoted word is question or answer.
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at)) {
    const std::size_t quote = text.find_first_not_of(" \t\r\n", at + 1);
    const bool candidate = quote != std::string_view::npos &&
                           (text.substr(quote, 10) == "\"question\"" || text.substr(quote, 8) == "\"answer\"");
    if (!candidate) {
      ++at;
      continue;
    }
    const std::size_t end = object_end(text, at);
    if (end == std::string_view::npos) {
      // Each such try reads to the end of the text: a hostile one must not make that quadratic.
      if (++out.incomplete >= 64) break;
      ++at;
      continue;
    }
    if (std::optional<Pair> pair = pair_of(text.substr(at, end - at))) {
      add(out, std::move(*pair), max_pairs);
    } else {
      ++out.incomplete;
    }
    at = end;
  }
  return out;
}

}  // namespace equal::extract
