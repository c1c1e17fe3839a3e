// Prompt templates as users write them.
#include "equal/base/error.hpp"
#include "equal/extract/prompt.hpp"

#include "target.hpp"

namespace equal::fuzz {
namespace {

void fuzz_prompt(std::string_view text) {
  try {
    const extract::PromptTemplate prompt(text, "fuzz", {"document", "max_pairs", "examples", "format"}, {"document"});
    const std::string document = "{{document}} <|user|> <<system>>\n<<user>>";
    const auto messages =
        prompt.render({{"document", document}, {"max_pairs", "5"}, {"examples", ""}, {"format", "f"}});
    bool found = false;
    for (const auto& message : messages) {
      found = found || message.content.find(document) != std::string::npos;
      check(message.role == "system" || message.role == "user" || message.role == "assistant", "roles are known");
    }
    check(found, "the document is in the prompt as it is");
  } catch (const UsageError&) {
  }
}

const Registered kPrompt("prompt", fuzz_prompt);

}  // namespace
}  // namespace equal::fuzz
