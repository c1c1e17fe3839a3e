#include "extraction_progress.hpp"

#include <algorithm>

#include "equal/base/log.hpp"

namespace equal::job {
namespace {

constexpr std::uint64_t kEnough = 20;  // answers for a mean

double tokens(const Spending& s) { return static_cast<double>(s.prompt_tokens + s.completion_tokens); }

}  // namespace

std::string ExtractionProgress::note(const ExtractionTotals& t, std::size_t in_flight, double now) const {
  std::string out = format("{} pairs kept, {} dropped, {} in flight", human_count(static_cast<double>(t.kept)),
                           human_count(static_cast<double>(t.dropped())), in_flight);
  if (t.spent.calls == 0) return out;
  const double seconds = std::max(1e-3, now - begun_);
  out += format(", {:.1f} calls/s, {} tokens/s", static_cast<double>(t.spent.calls - before_.calls) / seconds,
                human_count((tokens(t.spent) - tokens(before_)) / seconds));
  return out + ", spent " + budget_.beside(t.spent);
}

std::optional<std::string> ExtractionProgress::projection(const ExtractionTotals& t) {
  const std::uint64_t fresh = t.answered - answered_before_;
  if (projected_ || t.spent.calls == 0 || fresh < std::min(kEnough, budget_.documents())) return std::nullopt;
  projected_ = true;
  const Spending end = budget_.projected(t.spent);
  std::string out = format(
      "at the cost of the first {} documents the run will ask {} documents with {} calls and {} "
      "tokens ({} of them written by the model)",
      t.answered, human_count(static_cast<double>(end.documents)), human_count(static_cast<double>(end.calls)),
      human_count(tokens(end)), human_count(static_cast<double>(end.completion_tokens)));
  if (end.money > 0) out += format(", {:.2f} of money", end.money);
  if (end.documents < budget_.documents())
    out += format("; the budget allows {} documents, but calls, tokens or money end it before",
                  human_count(static_cast<double>(budget_.documents())));
  return out;
}

}  // namespace equal::job
