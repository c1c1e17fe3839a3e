#include "equal/extract/prompt.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

#include "builtin_prompts.hpp"
#include "words.hpp"

namespace equal::extract {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "{{" : " {{") + name + "}}";
  return out;
}

constexpr std::array<std::string_view, 18> kTags{
    "document", "pair",      "pairs", "question", "answer", "response",      "example",     "examples",    "system",
    "user",     "assistant", "s",     "bos",      "eos",    "start_of_turn", "end_of_turn", "instruction", "tool_call"};

/// True when text that follows a '<' makes it a tag of ours or a control token.
bool begins_tag(std::string_view rest) noexcept {
  if (!rest.empty() && rest.front() == '|') return true;
  std::size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < rest.size() && (rest[at] == ' ' || rest[at] == '\t' || rest[at] == '\n' || rest[at] == '\r')) ++at;
  };
  skip_blanks();
  if (at < rest.size() && rest[at] == '/') ++at;
  skip_blanks();
  std::string name;
  while (at < rest.size() && name.size() <= 16) {
    const auto c = static_cast<unsigned char>(rest[at]);
    if (std::isalpha(c) == 0 && c != '_') break;
    name += static_cast<char>(std::tolower(c));
    ++at;
  }
  return std::find(kTags.begin(), kTags.end(), name) != kTags.end();
}

/// Bytes of "&lt;", "&amp;lt;", "&amp;amp;lt;" ... at the start of `text`; 0 when there is none.
std::size_t entity_bytes(std::string_view text) noexcept {
  if (text.empty() || text.front() != '&') return 0;
  std::size_t at = 1;
  while (text.substr(at, 4) == "amp;") at += 4;
  return text.substr(at, 3) == "lt;" ? at + 3 : 0;
}

/// Estimated eighths of a token.
std::size_t weight_of(char32_t c) noexcept {
  if (c < 0x80) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte) != 0) return 2;
    if (c == U' ') return 0;  // joins the word that follows
    return 6;                 // digits, punctuation, line breaks
  }
  return c < 0x0530 ? 5 : 10;  // Latin with accents, Greek, Cyrillic; all else
}

}  // namespace

PromptTemplate::PromptTemplate(std::string_view text, const std::string& where, const std::vector<std::string>& known,
                               const std::vector<std::string>& required)
    : digest_(sha256_hex(text)) {
  std::string problems;
  const auto problem = [&](std::size_t line, const std::string& what) {
    problems += (problems.empty() ? "" : "\n") + format("{}:{}: {}", where, line, what);
  };
  std::size_t line_number = 0;
  std::string_view rest = text;
  std::string pending;  // literal text not yet stored
  const auto section = [&]() -> Section& {
    if (sections_.empty()) sections_.push_back({"user", {}});
    return sections_.back();
  };
  const auto store_pending = [&] {
    if (!pending.empty()) section().pieces.push_back({false, std::exchange(pending, {})});
  };
  while (!rest.empty()) {
    ++line_number;
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    const bool has_break = end < rest.size();
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("<<") && line.ends_with(">>") && line.size() > 4) {
      const std::string role(line.substr(2, line.size() - 4));
      if (role != "system" && role != "user" && role != "assistant") {
        problem(line_number, format("<<{}>> is not a role; roles are <<system>> <<user>> <<assistant>>", role));
      }
      store_pending();
      sections_.push_back({role, {}});
      continue;
    }
    while (true) {
      const std::size_t open = line.find("{{");
      pending += line.substr(0, open);
      if (open == std::string_view::npos) break;
      const std::size_t close = line.find("}}", open);
      if (close == std::string_view::npos) {
        problem(line_number, "{{ without }} in the same line");
        break;
      }
      const std::string name(line.substr(open + 2, close - open - 2));
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        problem(line_number, format("{{{{{}}}}} is not known here; known are {}", name, listed(known)));
      }
      store_pending();
      section().pieces.push_back({true, name});
      line.remove_prefix(close + 2);
    }
    if (has_break) pending += '\n';
  }
  store_pending();
  for (const std::string& name : required) {
    if (!mentions(name))
      problem(std::max<std::size_t>(line_number, 1), format("{{{{{}}}}} does not occur, but is needed", name));
  }
  if (sections_.empty() || sections_.back().role != "user") {
    problem(std::max<std::size_t>(line_number, 1), "the last message must be the <<user>>'s");
  }
  if (!problems.empty()) throw UsageError(problems);
}

bool PromptTemplate::mentions(std::string_view name) const noexcept {
  for (const Section& section : sections_) {
    for (const Piece& piece : section.pieces) {
      if (piece.is_name && piece.text == name) return true;
    }
  }
  return false;
}

std::vector<Message> PromptTemplate::render(const std::vector<std::pair<std::string, std::string>>& values) const {
  std::vector<Message> out;
  for (const Section& section : sections_) {
    Message message{section.role, {}};
    for (const Piece& piece : section.pieces) {
      if (!piece.is_name) {
        message.content += piece.text;
        continue;
      }
      const auto found =
          std::find_if(values.begin(), values.end(), [&](const auto& value) { return value.first == piece.text; });
      if (found == values.end()) throw InternalError("a prompt wants {{" + piece.text + "}}, which has no value");
      message.content += found->second;
    }
    while (message.content.ends_with('\n')) message.content.pop_back();
    if (!message.content.empty()) out.push_back(std::move(message));
  }
  return out;
}

std::string prompt_text(const std::filesystem::path& name_or_file) {
  std::string names;
  for (const auto& [name, text] : kBuiltinPrompts) {
    if (name_or_file == name) return std::string(text);
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (!std::filesystem::is_regular_file(name_or_file)) {
    throw UsageError(format("'{}' is no prompt: neither a file nor one of those that the program carries ({})",
                            name_or_file.string(), names));
  }
  return read_file(name_or_file, std::uint64_t{1} << 20);
}

PromptTemplate load_prompt(const std::filesystem::path& name_or_file) {
  return PromptTemplate(prompt_text(name_or_file), name_or_file.string(),
                        {"document", "max_pairs", "examples", "format"}, {"document"});
}

PromptTemplate load_refine_prompt(const std::filesystem::path& name_or_file) {
  return PromptTemplate(prompt_text(name_or_file), name_or_file.string(),
                        {"document", "max_pairs", "examples", "format", "pairs"}, {"document", "pairs"});
}

std::string escape_tags(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '<' && begins_tag(text.substr(at + 1))) {
      out += "&lt;";
      ++at;
    } else if (const std::size_t n = text[at] == '&' ? entity_bytes(text.substr(at)) : 0;
               n > 0 && begins_tag(text.substr(at + n))) {
      out += "&amp;";
      out += text.substr(at + 1, n - 1);
      at += n;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string unescape_tags(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = text[at] == '&' ? entity_bytes(text.substr(at)) : 0;
    if (n > 0 && begins_tag(text.substr(at + n))) {
      if (n == 4) {
        out += '<';
      } else {
        out += '&';
        out += text.substr(at + 5, n - 5);
      }
      at += n;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::size_t estimate_tokens(std::string_view text) noexcept {
  std::size_t eighths = 0;
  for (std::size_t at = 0; at < text.size();) eighths += weight_of(next_code_point(text, at));
  return (eighths + 7) / 8;
}

std::size_t estimate_tokens(const std::vector<Message>& messages) noexcept {
  constexpr std::size_t kFrame = 6;  // a chat template's tokens around a message
  std::size_t total = 0;
  for (const Message& message : messages) total += kFrame + estimate_tokens(message.content);
  return total;
}

std::string_view cut_at_sentence(std::string_view text, std::size_t tokens) noexcept {
  std::size_t eighths = 0, at = 0, sentence = 0, word = 0;
  char32_t previous = 0;
  while (at < text.size()) {
    const std::size_t before = at;
    const char32_t c = next_code_point(text, at);
    if (c == U' ' || c == U'\n' || c == U'\t') {
      word = before;
      if (previous == U'.' || previous == U'!' || previous == U'?' || c == U'\n') sentence = before;
    }
    eighths += weight_of(c);
    if (eighths > 8 * tokens) {
      // A sentence end in the first half would throw away too much: then a word's end will do.
      const std::size_t end = sentence > before / 2 ? sentence : word > 0 ? word : before;
      return text.substr(0, end);
    }
    if (c == 0x3002 || c == 0xFF01 || c == 0xFF1F) sentence = at;
    previous = c;
  }
  return text;
}

}  // namespace equal::extract
