#include "equal/extract/pattern.hpp"

#include <algorithm>
#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "pattern_rules.hpp"

namespace equal::extract {
namespace {

/// Raise it with every change of the rules: it decides whether stored answers are still valid.
constexpr int kPatternVersion = 3;

std::vector<PatternRule> listed() {
  std::vector<PatternRule> out;
  for (const RuleRow& row : rule_table()) out.push_back(row.rule);
  return out;
}

/// At most `most`, evenly spread, so that a long list of entries does not crowd out what follows it.
void thin_out(std::vector<Candidate>& candidates, std::size_t most) {
  if (candidates.size() <= most) return;
  std::vector<Candidate> chosen;
  for (std::size_t i = 0; i < most; ++i) chosen.push_back(std::move(candidates[i * candidates.size() / most]));
  candidates = std::move(chosen);
}

class Pattern final : public Extractor {
 public:
  explicit Pattern(const PatternParams& params) : params_(params), rules_(params.keep) {
    if (params.slots == 0) throw UsageError("pattern: slots = 0; must be at least 1");
    if (params.max_pairs == 0) throw UsageError("pattern: max_pairs = 0; must be at least 1");
    if (params.min_answer_words > params.max_answer_words) {
      throw UsageError(format("pattern: min_answer_words = {} is above max_answer_words = {}", params.min_answer_words,
                              params.max_answer_words));
    }
  }

  std::string digest() const override {
    return sha256_hex(format("pattern {}\n{} {} {}\n{}", kPatternVersion, params_.min_answer_words,
                             params_.max_answer_words, params_.max_pairs, rules_.digest()));
  }
  std::string description() const override {
    return format("pattern: {} rules on headings, entries and marked questions, no LLM", rule_table().size());
  }
  bool deterministic() const override { return true; }
  std::size_t slots() const override { return params_.slots; }

  void submit(Request request) override {
    if (ready_.size() >= params_.slots) throw InternalError("pattern: submit() with no free slot");
    Extraction out;
    out.document = request.document;
    KeepResult result = rules_.apply(request.text, find(request.text, out.rejected));
    out.pairs = std::move(result.kept);
    std::move(result.rejected.begin(), result.rejected.end(), std::back_inserter(out.rejected));
    ready_.push_back(std::move(out));
  }
  std::vector<Extraction> poll(double /*wait_seconds*/) override { return std::exchange(ready_, {}); }

 private:
  std::vector<Pair> find(std::string_view text, std::vector<Rejected>& rejected) const {
    const Layout layout = lay_out(text);
    const AnswerBounds bounds{params_.min_answer_words, params_.max_answer_words};
    std::vector<Candidate> candidates;
    for (const RuleRow& row : rule_table()) row.find(layout, bounds, candidates);
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return std::less<>{}(a.position, b.position); });
    // Two rules may read one place; the earlier row of the table wins.
    const auto same = [](const Candidate& a, const Candidate& b) { return a.position == b.position; };
    candidates.erase(std::unique(candidates.begin(), candidates.end(), same), candidates.end());
    std::erase_if(candidates, [&](const Candidate& c) {
      const bool is_short =
          count_words(c.answer) < params_.min_answer_words && c.rule != "marked" && c.rule != "exercise";
      if (is_short) rejected.push_back({{c.question, c.answer}, "short_answer"});
      return is_short;
    });
    thin_out(candidates, params_.max_pairs);
    std::vector<Pair> out;
    out.reserve(candidates.size());
    for (Candidate& c : candidates) out.push_back({std::move(c.question), std::move(c.answer)});
    return out;
  }

  PatternParams params_;
  KeepRules rules_;
  std::vector<Extraction> ready_;
};

}  // namespace

std::span<const PatternRule> pattern_rules() {
  static const std::vector<PatternRule> rules = listed();
  return rules;
}

std::unique_ptr<Extractor> make_pattern(const PatternParams& params) { return std::make_unique<Pattern>(params); }

}  // namespace equal::extract
