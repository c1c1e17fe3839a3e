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
  /// Documents that may still be asked, when `asked` have been and `spent` came of those that were answered.
  std::uint64_t room(std::uint64_t asked, const Spending& spent) const;
  void add(Spending& spent, const extract::Usage& usage) const;
  /// All limits as text: equal texts, equal budgets.
  std::string text() const;

 private:
  std::uint64_t documents_ = 0, calls_ = 0, tokens_ = 0;
  double money_ = 0, price_prompt_ = 0, price_completion_ = 0;
};

Json to_json(const Spending& spent);

}  // namespace equal::job
