// What a model or a document may write: answers, prompts, tags, and the keep rules over them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "equal/base/error.hpp"
#include "equal/extract/answer.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/prompt.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equal::extract;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool ended = size % 2 == 0;
  const Answer tagged = parse_tagged(text, ended, 8), json = parse_json_pairs(text, 8);
  if (tagged.pairs.size() > 8 || json.pairs.size() > 8) std::abort();
  static const KeepRules rules;
  rules.apply(text, tagged.pairs);
  rules.apply(text, json.pairs);
  if (unescape_tags(escape_tags(text)) != text) std::abort();
  if (estimate_tokens(cut_at_sentence(text, size / 8)) > size / 8) std::abort();
  try {
    const PromptTemplate prompt(text, "fuzz", {"document"}, {"document"});
    prompt.render({{"document", "text"}});
  } catch (const equal::UsageError&) {
  }
  return 0;
}
