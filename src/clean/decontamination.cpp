#include "equal/clean/decontamination.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <unordered_set>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/text/tokens.hpp"

namespace equal::clean {
namespace {

std::vector<std::uint64_t> tokens_of(std::string_view text) {
  std::vector<std::uint64_t> out;
  text::append_tokens(text, text::Signs::skip, out);
  return out;
}

constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15ULL;

/// A polynomial over the tokens (mod 2^64), so that the hash of the next run follows from that of the last.
std::uint64_t hash_of(std::span<const std::uint64_t> tokens) {
  std::uint64_t hash = 0;
  for (const std::uint64_t t : tokens) hash = hash * kBase + t;
  return hash;
}

/// Calls visit(position, hash) for every run of `length` tokens.
template <class Visit>
void for_each_run(std::span<const std::uint64_t> tokens, std::size_t length, Visit visit) {
  if (tokens.size() < length || length == 0) return;
  std::uint64_t leading = 1;  // kBase^(length - 1)
  for (std::size_t i = 1; i < length; ++i) leading *= kBase;
  std::uint64_t hash = hash_of(tokens.first(length));
  for (std::size_t i = 0;; ++i) {
    visit(i, hash);
    if (i + length == tokens.size()) return;
    hash = (hash - tokens[i] * leading) * kBase + tokens[i + length];
  }
}

void take(std::optional<Contamination>& best, std::size_t item, ContaminationRule rule) {
  if (!best || item < best->item || (item == best->item && rule < best->rule)) best = Contamination{item, rule};
}

}  // namespace

const char* name_of(ContaminationRule rule) noexcept {
  switch (rule) {
    case ContaminationRule::run:
      return "run";
    case ContaminationRule::whole:
      return "whole";
    case ContaminationRule::equal:
      return "equal";
    case ContaminationRule::reworded:
      return "reworded";
    case ContaminationRule::answer:
      return "answer";
  }
  return "?";
}

Decontaminator::Decontaminator(std::vector<BenchmarkItem> items, const DecontaminationParams& params)
    : items_(std::move(items)), params_(params) {
  if (params.run < 2 || params.whole_from < 1 || !(params.answer_share > 0 && params.answer_share <= 1))
    throw UsageError(
        format("decontamination: runs of {} tokens, answer share {}; must be at least 2, and above 0 up to 1",
               params.run, params.answer_share));
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const auto item = static_cast<std::uint32_t>(i);
    questions_.push_back(tokens_of(items_[i].question));
    const Tokens& q = questions_.back();
    const auto add = [&](ContaminationRule rule, std::size_t length) {
      Runs& r = runs(rule, length);
      for_each_run(q, length, [&](std::size_t at, std::uint64_t hash) {
        r.places.emplace(hash, Place{item, static_cast<std::uint32_t>(at)});
      });
    };
    if (q.size() >= params_.run) {
      add(ContaminationRule::run, params_.run);
      // One changed token leaves a run of at least half the others on one side of it.
      if (params_.reworded && q.size() < 2 * params_.run + 1) add(ContaminationRule::reworded, q.size() / 2);
    } else if (q.size() >= params_.whole_from) {
      add(ContaminationRule::whole, q.size());
    } else if (!q.empty()) {
      short_questions_.emplace(hash_of(q), item);
    }
  }
  index_answers();
}

void Decontaminator::index_answers() {
  constexpr std::uint32_t kShared = ~std::uint32_t{0};
  std::unordered_map<std::uint64_t, std::uint32_t> owner;  // of a run: its item, or kShared
  for (std::size_t i = 0; i < items_.size(); ++i) {
    for_each_run(tokens_of(items_[i].answer), params_.run, [&](std::size_t, std::uint64_t hash) {
      const auto [found, is_new] = owner.emplace(hash, static_cast<std::uint32_t>(i));
      if (!is_new && found->second != i) found->second = kShared;
    });
  }
  answer_runs_.resize(items_.size());
  for (const auto& [hash, item] : owner) {
    if (item == kShared) continue;
    answers_.emplace(hash, item);
    ++answer_runs_[item];
  }
}

Decontaminator::Runs& Decontaminator::runs(ContaminationRule rule, std::size_t length) {
  for (Runs& r : runs_) {
    if (r.rule == rule && r.length == length) return r;
  }
  runs_.push_back({rule, length, {}});
  return runs_.back();
}

std::optional<Contamination> Decontaminator::find(std::string_view question, std::string_view answer) const {
  std::optional<Contamination> best;
  const Tokens q = tokens_of(question), a = tokens_of(answer);
  if (!q.empty() && q.size() < params_.whole_from) {
    const auto [begin, end] = short_questions_.equal_range(hash_of(q));
    for (auto i = begin; i != end; ++i) {
      if (questions_[i->second] == q) take(best, i->second, ContaminationRule::equal);
    }
  }
  for (const Tokens* tokens : {&q, &a}) {
    search(*tokens, best);
    search_answers(*tokens, best);
  }
  return best;
}

void Decontaminator::search(const Tokens& tokens, std::optional<Contamination>& best) const {
  for (const Runs& r : runs_) {
    for_each_run(tokens, r.length, [&](std::size_t at, std::uint64_t hash) {
      const auto [begin, end] = r.places.equal_range(hash);
      for (auto i = begin; i != end; ++i) {
        const Place& place = i->second;
        const Tokens& item = questions_[place.item];
        if (!std::equal(item.begin() + place.position,
                        item.begin() + place.position + static_cast<std::ptrdiff_t>(r.length),
                        tokens.begin() + static_cast<std::ptrdiff_t>(at)))
          continue;
        if (r.rule == ContaminationRule::reworded && !one_token_apart(item, tokens, place.position, at, r.length))
          continue;
        take(best, place.item, r.rule);
      }
    });
  }
}

bool Decontaminator::one_token_apart(const Tokens& item, const Tokens& text, std::size_t item_at, std::size_t text_at,
                                     std::size_t length) const {
  // The run is widened to both sides as far as tokens agree; what is missing of the item must then lie on one side and
  // be all there behind one edit.
  std::size_t left = item_at, text_left = text_at;
  while (left > 0 && text_left > 0 && item[left - 1] == text[text_left - 1]) --left, --text_left;
  std::size_t right = item_at + length, text_right = text_at + length;
  while (right < item.size() && text_right < text.size() && item[right] == text[text_right]) ++right, ++text_right;
  if (left == 0 && right == item.size()) return true;
  if (left > 0 && right < item.size()) return false;
  if (left == 0) {
    // The rest of the item, with its first token exchanged or left out, or a token put in before it.
    const auto rest_is_at = [&](std::size_t i, std::size_t t) {
      return item.size() - i <= text.size() - std::min(t, text.size()) &&
             std::equal(item.begin() + static_cast<std::ptrdiff_t>(i), item.end(),
                        text.begin() + static_cast<std::ptrdiff_t>(t));
    };
    return rest_is_at(right + 1, text_right + 1) || rest_is_at(right + 1, text_right) ||
           rest_is_at(right, text_right + 1);
  }
  const auto rest_ends_at = [&](std::size_t i, std::size_t t) {  // item[0, i) stands before text[t]
    return i <= t && std::equal(item.begin(), item.begin() + static_cast<std::ptrdiff_t>(i),
                                text.begin() + static_cast<std::ptrdiff_t>(t - i));
  };
  return (text_left > 0 && (rest_ends_at(left - 1, text_left - 1) || rest_ends_at(left, text_left - 1))) ||
         rest_ends_at(left - 1, text_left);
}

void Decontaminator::search_answers(const Tokens& tokens, std::optional<Contamination>& best) const {
  if (answers_.empty()) return;
  std::map<std::uint32_t, std::uint32_t> hits;
  std::unordered_set<std::uint64_t> counted;
  for_each_run(tokens, params_.run, [&](std::size_t, std::uint64_t hash) {
    const auto found = answers_.find(hash);
    if (found != answers_.end() && counted.insert(hash).second) ++hits[found->second];
  });
  for (const auto& [item, n] : hits) {
    if (n >= params_.answer_share * answer_runs_[item]) take(best, item, ContaminationRule::answer);
  }
}

}  // namespace equal::clean
