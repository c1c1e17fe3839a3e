#include "calls.hpp"

#include <cmath>
#include <cstdlib>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/store/journal.hpp"

#include "answers.hpp"

namespace equal::sim {
namespace {

// Tokens of a prompt beside the document, and of an answer, where no run has been measured.
constexpr std::uint64_t kPromptTokens = 400, kAnswerTokens = 250;

}  // namespace

Calls::Calls(const std::string& text, std::uint64_t seed) : seed_(seed) {
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon), rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto number = [&](const std::string& s) {
    char* end = nullptr;
    const double value = std::strtod(s.c_str(), &end);
    if (s.empty() || *end != '\0' || !(value >= 0))
      throw UsageError(format("latency = {}: '{}' is no number", text, s));
    return value;
  };
  if (kind == "constant") {
    seconds_ = number(rest);
  } else if (kind == "lognormal") {
    kind_ = Kind::lognormal;
    const auto comma = rest.find(',');
    seconds_ = number(rest.substr(0, comma));
    sigma_ = number(comma == std::string::npos ? "" : rest.substr(comma + 1));
  } else if (kind == "journal") {
    kind_ = Kind::journal;
    store::read_journal(rest, [&](const store::JournalRecord& r) {
      const std::string where = format("{}:{}", r.file.string(), r.line);
      const auto answer = job::journal_answer_from_json(parse_json(r.json, where), where);
      if (answer.extraction.usage.seconds > 0) measured_.push_back(answer.extraction.usage);
    });
    if (measured_.empty())
      throw DataError(rest + ": no answer that took time; give the journal of a run with an LLM, or a distribution");
  } else {
    throw UsageError(
        format("latency = {}; must be constant:SECONDS, lognormal:MEDIAN_SECONDS,SIGMA or journal:FOLDER", text));
  }
}

extract::Usage Calls::of(std::uint64_t document, double text_tokens) const {
  RandomStream random(seed_, "calls", {document, 0});
  if (kind_ == Kind::journal) return measured_[random.below(measured_.size())];
  extract::Usage out;
  out.calls = 1;
  out.prompt_tokens = kPromptTokens + static_cast<std::uint64_t>(text_tokens);
  out.completion_tokens = kAnswerTokens;
  out.seconds = kind_ == Kind::constant ? seconds_ : seconds_ * std::exp(sigma_ * random.normal());
  return out;
}

}  // namespace equal::sim
