// What a model may write: answers in both forms, tags, the keep rules over them, and whole completion bodies.
#include "equal/extract/answer.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/prompting.hpp"

#include "target.hpp"

namespace equal::fuzz {
namespace {

using namespace equal::extract;

void fuzz_answer(std::string_view text) {
  const bool ended = text.size() % 2 == 0;
  const Answer tagged = parse_tagged(text, ended, 8), json = parse_json_pairs(text, 8);
  check(tagged.pairs.size() <= 8 && json.pairs.size() <= 8, "no more than max_pairs");
  static const KeepRules rules;
  for (const Answer* answer : {&tagged, &json}) {
    const KeepResult result = rules.apply(text, answer->pairs);
    check(result.kept.size() + result.rejected.size() == answer->pairs.size(), "a pair is kept or rejected");
  }
  check(unescape_tags(escape_tags(text)) == text, "escaping can be undone");
  check(estimate_tokens(cut_at_sentence(text, text.size() / 8)) <= text.size() / 8, "cut to what fits");
}

void fuzz_completion(std::string_view body) {
  static const Prompting prompting = [] {
    PromptingParams params;
    params.model = "m";
    params.prompt_file = "extract";
    return Prompting(params);
  }();
  const ModelAnswer answer = read_completion(body);
  if (!answer.failure.empty()) return;  // asked again, not read
  const Extraction out = prompting.judge({0, "id", "The ferry Aurora carries 240 passengers.", {}}, {answer.text});
  check(out.pairs.size() <= 2 * prompting.params().max_pairs, "no more pairs than twice what was asked for");
  check(out.failure.empty() || out.pairs.empty(), "a failure gives no pairs");
}

const Registered kAnswer("answer", fuzz_answer), kCompletion("completion", fuzz_completion);

}  // namespace
}  // namespace equal::fuzz
