#include "budget.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace {

std::uint64_t parse_documents(const std::string& text, std::uint64_t corpus) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const bool share = rest == "%";
  if (error != std::errc{} || !(share || rest.empty()) || !(value > 0) || (share && value > 100) ||
      (!share && value != std::floor(value))) {
    throw UsageError(
        format("budget.documents = {}; must be a number of documents, such as 2000, or a share of the corpus above 0 % "
               "and up to 100 %, such as 5%",
               text));
  }
  const double wanted = share ? std::round(value / 100.0 * static_cast<double>(corpus)) : value;
  return std::min(corpus, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::min(wanted, 1e18))));
}

}  // namespace

Budget::Budget(const settings::Settings& s, std::uint64_t corpus_documents)
    : documents_(parse_documents(s.budget_documents, corpus_documents)),
      calls_(s.budget_calls),
      tokens_(s.budget_tokens),
      money_(s.budget_money),
      price_prompt_(s.price_prompt),
      price_completion_(s.price_completion) {
  if (money_ > 0 && price_prompt_ == 0 && price_completion_ == 0) {
    throw UsageError(
        "budget.money needs prices: set budget.price_prompt and budget.price_completion (per million tokens)");
  }
}

std::uint64_t Budget::room(std::uint64_t asked, const Spending& spent) const {
  if (calls_ > 0 && spent.calls >= calls_) return 0;
  if (tokens_ > 0 && spent.prompt_tokens + spent.completion_tokens >= tokens_) return 0;
  if (money_ > 0 && spent.money >= money_) return 0;
  return documents_ > asked ? documents_ - asked : 0;
}

void Budget::add(Spending& spent, const extract::Usage& usage) const {
  ++spent.documents;
  spent.calls += usage.calls;
  spent.prompt_tokens += usage.prompt_tokens;
  spent.completion_tokens += usage.completion_tokens;
  spent.money = 1e-6 * (price_prompt_ * static_cast<double>(spent.prompt_tokens) +
                        price_completion_ * static_cast<double>(spent.completion_tokens));
}

std::string Budget::text() const {
  return format("{} documents, {} calls, {} tokens, {} money", documents_, calls_, tokens_, money_);
}

Json to_json(const Spending& s) {
  return {{"documents", s.documents},
          {"calls", s.calls},
          {"prompt_tokens", s.prompt_tokens},
          {"completion_tokens", s.completion_tokens},
          {"money", s.money}};
}

}  // namespace equal::job
