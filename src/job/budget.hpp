// What may be spent and what was.
#pragma once

#include <cstdint>
#include <string>

#include "equal/base/json.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

struct Spending {
  std::uint64_t documents = 0, calls = 0, prompt_tokens = 0, completion_tokens = 0;
  double money = 0;
};

class Budget {
 public:
  /// Throws UsageError when budget.documents is neither a number nor a share of `corpus_documents`.
  Budget(const settings::Settings& settings, std::uint64_t corpus_documents);
  std::uint64_t documents() const noexcept { return documents_; }  ///< at least 1 when the corpus has any
  /// What a document is expected to cost as long as none has been answered; after that the mean of the answers counts.
  void expect(const extract::Usage& usage);
  /// Documents that may still be asked when `asked` have been, `unanswered` of them are without an answer, and `spent`
  /// came of the others: as many as are expected to fit, so that what is in flight does not overdraw calls, tokens or
  /// money by more than its deviation from the mean.
  std::uint64_t room(std::uint64_t asked, std::uint64_t unanswered, const Spending& spent) const;
  /// What the whole run will have cost when it has asked all that the budget allows, at the mean cost so far.
  Spending projected(const Spending& spent) const;
  void add(Spending& spent, const extract::Usage& usage) const;
  /// All limits as text: equal texts, equal budgets.
  std::string text() const;
  /// What is spent beside each limit that is set: "120 of 2,000 calls, 45,000 of 1,000,000 tokens".
  std::string beside(const Spending& spent) const;

 private:
  std::uint64_t documents_ = 0, calls_ = 0, tokens_ = 0;
  double money_ = 0, price_prompt_ = 0, price_completion_ = 0;
  Spending expected_;  // of one document
  double price(const Spending& spent) const;
  /// Documents that fit beyond those that `spent` came of, by the limits on calls, tokens and money.
  double affordable(const Spending& spent) const;
};

Json to_json(const Spending& spent);

}  // namespace equal::job
