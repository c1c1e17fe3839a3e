#include "budget.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

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

void Budget::expect(const extract::Usage& usage) {
  expected_ = {};
  add(expected_, usage);
}

double Budget::price(const Spending& spent) const {
  return 1e-6 * (price_prompt_ * static_cast<double>(spent.prompt_tokens) +
                 price_completion_ * static_cast<double>(spent.completion_tokens));
}

double Budget::affordable(const Spending& spent) const {
  const Spending& known = spent.documents > 0 ? spent : expected_;
  const double n = static_cast<double>(std::max<std::uint64_t>(1, known.documents));
  double out = std::numeric_limits<double>::infinity();
  const auto limit = [&](double most, double used, double known_used) {
    if (most <= 0) return;
    if (used >= most) out = 0;
    if (known_used > 0) out = std::min(out, (most - used) / (known_used / n));
  };
  const auto tokens = [](const Spending& s) { return static_cast<double>(s.prompt_tokens + s.completion_tokens); };
  limit(static_cast<double>(calls_), static_cast<double>(spent.calls), static_cast<double>(known.calls));
  limit(static_cast<double>(tokens_), tokens(spent), tokens(known));
  limit(money_, spent.money, known.money);
  return std::max(0.0, out);
}

std::uint64_t Budget::room(std::uint64_t asked, std::uint64_t unanswered, const Spending& spent) const {
  const std::uint64_t documents = documents_ > asked ? documents_ - asked : 0;
  const double fit = std::floor(affordable(spent)) - static_cast<double>(unanswered);
  return fit >= static_cast<double>(documents) ? documents : static_cast<std::uint64_t>(std::max(0.0, fit));
}

Spending Budget::projected(const Spending& spent) const {
  const Spending& known = spent.documents > 0 ? spent : expected_;
  const double more =
      std::min(affordable(spent), static_cast<double>(documents_ - std::min(documents_, spent.documents)));
  const double n = static_cast<double>(std::max<std::uint64_t>(1, known.documents));
  const auto grown = [&](std::uint64_t now, std::uint64_t of_known) {
    return now + static_cast<std::uint64_t>(std::llround(more * static_cast<double>(of_known) / n));
  };
  Spending out;
  out.documents = spent.documents + static_cast<std::uint64_t>(more);
  out.calls = grown(spent.calls, known.calls);
  out.prompt_tokens = grown(spent.prompt_tokens, known.prompt_tokens);
  out.completion_tokens = grown(spent.completion_tokens, known.completion_tokens);
  out.money = price(out);
  return out;
}

void Budget::add(Spending& spent, const extract::Usage& usage) const {
  ++spent.documents;
  spent.calls += usage.calls;
  spent.prompt_tokens += usage.prompt_tokens;
  spent.completion_tokens += usage.completion_tokens;
  spent.money = price(spent);
}

std::string Budget::text() const {
  return format("{} documents, {} calls, {} tokens, {} money", documents_, calls_, tokens_, money_);
}

std::string Budget::beside(const Spending& spent) const {
  std::string out = format("{} of {} documents", human_count(static_cast<double>(spent.documents)),
                           human_count(static_cast<double>(documents_)));
  const auto limit = [&](double used, double most, const char* unit) {
    if (most > 0) out += format(", {} of {} {}", human_count(used), human_count(most), unit);
  };
  limit(static_cast<double>(spent.calls), static_cast<double>(calls_), "calls");
  limit(static_cast<double>(spent.prompt_tokens + spent.completion_tokens), static_cast<double>(tokens_), "tokens");
  if (money_ > 0) out += format(", {:.2f} of {:.2f} money", spent.money, money_);
  return out;
}

Json to_json(const Spending& s) {
  return {{"documents", s.documents},
          {"calls", s.calls},
          {"prompt_tokens", s.prompt_tokens},
          {"completion_tokens", s.completion_tokens},
          {"money", s.money}};
}

}  // namespace equal::job
