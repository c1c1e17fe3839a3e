// What rank 0 says about a running extraction: rates, what is in flight, kept, dropped and spent, and where the cost
// will end.
#pragma once

#include <optional>
#include <string>

#include "budget.hpp"
#include "coordinator.hpp"

namespace equal::job {

/// Times are seconds of one clock, given by the caller.
class ExtractionProgress {
 public:
  /// From here on rates are counted: what was replayed from the journal before took no time and no money.
  ExtractionProgress(const Budget& budget, const ExtractionTotals& totals, double now)
      : budget_(budget), before_(totals.spent), answered_before_(totals.answered), begun_(now) {}

  /// "57 pairs kept, 12 dropped, 64 in flight, 12.3 calls/s, 4,100 tokens/s, spent 120 of 2,000 documents, ...". Calls
  /// and tokens are left out where there are none.
  std::string note(const ExtractionTotals& totals, std::size_t in_flight, double now) const;

  /// Once, when enough has been answered for a mean: what the run will have asked and spent in the end. Nothing where
  /// nobody is called.
  std::optional<std::string> projection(const ExtractionTotals& totals);

 private:
  const Budget& budget_;
  Spending before_;
  std::uint64_t answered_before_ = 0;
  double begun_ = 0;
  bool projected_ = false;
};

}  // namespace equal::job
