// Prompts from files. A prompt is plain text with {{names}}; lines that hold only <<system>>, <<user>> or <<assistant>>
// start a message (without them all is one user message). Documents are data: whatever in them looks like our tags or
// like a chat template's control tokens is escaped, and unescaped again in the answer.
#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equal::extract {

struct Message {
  std::string role, content;
  bool operator==(const Message&) const = default;
};

class PromptTemplate {
 public:
  /// Throws UsageError("<where>:<line>: ...") for a {{name}} outside `known`, one that is not closed, an unknown
  /// <<role>>, text before the first role, or when one of `required` does not occur. Reports every mistake.
  PromptTemplate(std::string_view text, const std::string& where, const std::vector<std::string>& known,
                 const std::vector<std::string>& required);

  /// REQUIRES: a value for every known name. Values are inserted as they are and not read again for names.
  std::vector<Message> render(const std::vector<std::pair<std::string, std::string>>& values) const;

  bool mentions(std::string_view name) const noexcept;
  const std::string& digest() const noexcept { return digest_; }  ///< SHA-256 of the text

 private:
  struct Piece {
    bool is_name;
    std::string text;
  };
  struct Section {
    std::string role;
    std::vector<Piece> pieces;
  };
  std::vector<Section> sections_;
  std::string digest_;
};

/// The text of a prompt: one that the program carries, by name (extract, small, refine: configs/prompts/NAME.txt as
/// they were when it was built), else a file. Throws UsageError for neither.
std::string prompt_text(const std::filesystem::path& name_or_file);

/// prompt_text() as a template with {{document}} {{max_pairs}} {{examples}} {{format}}; {{document}} is required.
PromptTemplate load_prompt(const std::filesystem::path& name_or_file);
/// As load_prompt(), for the second call: {{pairs}} is known and required too.
PromptTemplate load_refine_prompt(const std::filesystem::path& name_or_file);

/// '<' becomes "&lt;" where it begins a tag of ours (document, pair, question, answer, ...) or a control token ("<|",
/// "<s>"). unescape_tags(escape_tags(x)) == x for every x.
std::string escape_tags(std::string_view text);
std::string unescape_tags(std::string_view text);

/// Tokens of a text under a typical byte-pair vocabulary, estimated from its characters; meant to err upwards (prose: 4
/// bytes a token; digits, punctuation and other scripts more).
std::size_t estimate_tokens(std::string_view text) noexcept;
std::size_t estimate_tokens(const std::vector<Message>& messages) noexcept;

/// The longest prefix of at most `tokens` estimated tokens that ends with a sentence, else with a word, else with a
/// character.
std::string_view cut_at_sentence(std::string_view text, std::size_t tokens) noexcept;

}  // namespace equal::extract
