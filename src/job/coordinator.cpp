#include "coordinator.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace {

constexpr double kObserveEvery = 1.0;  // seconds
// by_arrival: at first so many documents are under way, or this part of the budget if that is more, then as many as
// have been answered, up to the limit. What is asked before anything is known is asked blindly.
constexpr std::uint64_t kFirstUnderWay = 32, kBlindPart = 16;

}  // namespace

bool Coordinator::run(const std::vector<std::uint64_t>& paid) {
  replay();
  adopt(paid);
  while (true) {
    while (ask()) {
    }
    if (pending_.empty()) return true;
    collect(0.2);
    if (parts_.stop()) {
      drain();
      return false;
    }
  }
}

std::uint64_t Coordinator::inflight(std::uint64_t budget) const {
  const auto slots = static_cast<std::uint64_t>(std::ceil(1.25 * static_cast<double>(parts_.farm.slots())));
  const std::uint64_t most = params_.inflight > 0 ? params_.inflight : slots;
  return std::min(most, std::max({kFirstUnderWay, budget / kBlindPart, totals_.answered + totals_.failed}));
}

/// Documents that may be decided now.
std::uint64_t Coordinator::room() const {
  std::uint64_t most = parts_.budget.room(totals_.asked, pending_.size(), totals_.spent);
  if (params_.by_arrival) {
    const std::uint64_t limit = inflight(totals_.asked + most), gap = limit - std::min<std::uint64_t>(limit, out());
    // A tenth at a time: each decision costs a question to all workers and a sync of rounds.jsonl.
    if (out() > 0 && gap * 10 < limit) return 0;
    most = std::min(most, gap);
  } else if (rounds_.size() > params_.delay) {
    most = 0;
  }
  return params_.round_documents > 0 ? std::min(most, params_.round_documents) : most;
}

bool Coordinator::ask() {
  const std::uint64_t most = room();
  if (most == 0) return false;
  auto decision = parts_.policy.decide(parts_.documents, most);
  if (decision.size() > most) decision.resize(most);
  if (decision.empty()) return false;
  RoundEvent event;
  event.round = next_round_;
  for (const auto& candidate : decision) event.asked.push_back(candidate.number);
  parts_.log.append(event);  // before anything is sent: a restart knows what was asked
  take_up(decision, true);
  return true;
}

void Coordinator::take_up(const std::vector<bandit::Candidate>& decision, bool send_now) {
  parts_.documents.mark(decision);
  parts_.policy.asked(decision);
  if (!params_.by_arrival) rounds_.push_back({next_round_, decision.size(), {}});
  for (const auto& candidate : decision) {
    pending_.emplace(candidate.number, Pending{candidate, next_round_});
    if (send_now) send(candidate.number);
  }
  totals_.asked += decision.size();
  totals_.rounds = ++next_round_;
}

void Coordinator::send(std::uint64_t document) {
  parts_.farm.submit(document, parts_.index.record(document), parts_.owner(document));
}

void Coordinator::collect(double seconds) {
  auto result = parts_.farm.next(seconds);
  while (result) {
    receive(answer_from_bytes(result->bytes));
    result = parts_.farm.next(0.0);
  }
  if (params_.by_arrival) {
    // What has arrived is learned from when the next decision needs it, all at once: that costs a fraction of learning
    // one by one. A slow server's answers do not stay unseen for long.
    if (out() == 0 || room() > 0 || parts_.farm.now() - observed_at_ > kObserveEvery) observe_arrived();
  } else {
    while (!rounds_.empty() && rounds_.front().missing == 0) {
      auto answers = std::move(rounds_.front().answers);
      rounds_.pop_front();
      observe(std::move(answers), true);
    }
  }
  parts_.progress(totals_, pending_.size());
}

void Coordinator::receive(Answer answer) {
  const auto found = pending_.find(answer.document);
  if (found == pending_.end())
    throw InternalError(format("document {} was answered without being asked", answer.document));
  if (params_.by_arrival) {
    arrived_.push_back(std::move(answer));
    return;
  }
  const auto round =
      std::find_if(rounds_.begin(), rounds_.end(), [&](const Round& r) { return r.number == found->second.round; });
  round->answers.push_back(std::move(answer));
  --round->missing;
}

void Coordinator::observe_arrived() {
  observed_at_ = parts_.farm.now();
  if (!arrived_.empty()) observe(std::exchange(arrived_, {}), true);
}

void Coordinator::observe(std::vector<Answer> answers, bool record) {
  std::vector<Scored> scored;
  for (Answer& a : answers) {
    const std::uint32_t arm = pending_.at(a.document).candidate.arm;
    scored.push_back({std::move(a), arm, 0.0, {}});
  }
  std::sort(scored.begin(), scored.end(), [](const Scored& a, const Scored& b) {
    return a.arm != b.arm ? a.arm < b.arm : a.answer.document < b.answer.document;
  });
  for (Scored& s : scored) {
    for (const Digest128& d : s.answer.duplicates) s.credits.push_back(seen_.insert(d).second ? 0.0 : kDuplicate);
  }
  parts_.reward.score(scored);

  std::vector<bandit::Outcome> outcomes;
  std::vector<bandit::Pull> pulls;
  RoundEvent event;
  event.kind = RoundEvent::Kind::observed;
  event.round = observations_++;
  for (Scored& s : scored) {
    const Answer& a = s.answer;
    const auto unique = static_cast<std::uint32_t>(
        std::count_if(s.credits.begin(), s.credits.end(), [](double c) { return c != kDuplicate; }));
    if (a.answered) {
      ++totals_.answered;
    } else {
      ++totals_.failed;
      ++totals_.failures[a.failure];
    }
    if (a.replayed) ++totals_.replayed;
    totals_.kept += unique;
    totals_.duplicates += s.credits.size() - unique;
    for (const double c : s.credits) totals_.credit += std::max(0.0, c);
    for (const auto& [reason, n] : a.rejected) totals_.rejected[reason] += n;
    parts_.budget.add(totals_.spent, a.usage);

    const auto pending = pending_.find(a.document);
    bandit::Outcome outcome;
    outcome.document = std::move(pending->second.candidate);
    outcome.answered = a.answered;
    outcome.pairs = unique;
    outcome.reward = s.reward;
    outcome.tokens = static_cast<double>(a.usage.prompt_tokens + a.usage.completion_tokens);
    pending_.erase(pending);
    if (pulls.empty() || pulls.back().arm != s.arm) pulls.push_back({s.arm, 0, 0, 0.0});
    ++pulls.back().documents;
    pulls.back().pairs += unique;
    pulls.back().reward += s.reward;
    event.observed.push_back({a.document, s.arm, a.answered, unique, s.reward, s.credits, a.failure, a.usage});
    outcomes.push_back(std::move(outcome));
  }
  for (auto& pull : pulls) pull.reward /= static_cast<double>(pull.documents);
  parts_.policy.observe(outcomes, pulls);
  if (!record) return;
  Json pulled = Json::array();
  for (const auto& p : pulls)
    pulled.push_back({{"arm", p.arm}, {"documents", p.documents}, {"pairs", p.pairs}, {"reward", p.reward}});
  Json state = Json::object();
  for (const auto& term : parts_.policy.state()) state[term.name] = term.value;
  event.facts = {{"pulls", std::move(pulled)},
                 {"spent", to_json(totals_.spent)},
                 {"kept", totals_.kept},
                 {"credit", totals_.credit},
                 {"policy", std::move(state)}};
  parts_.log.append(event);
}

void Coordinator::adopt(const std::vector<std::uint64_t>& paid) {
  if (paid.empty() || totals_.asked > 0) return;
  RoundEvent event;
  event.round = next_round_;
  event.asked = paid;
  parts_.log.append(event);
  take_up(parts_.documents.lookup(paid), true);
}

void Coordinator::replay() {
  // Asked documents are not sent before their observation is reached: their answers come from the journal in that
  // order.
  parts_.log.for_each([&](const RoundEvent& event) {
    if (event.kind == RoundEvent::Kind::warmup) return;
    if (event.kind == RoundEvent::Kind::asked) {
      const auto decision = parts_.documents.lookup(event.asked);
      if (decision.size() != event.asked.size())
        throw DataError(format("round {} asked {} documents of which {} exist; run with --redo extract", event.round,
                               event.asked.size(), decision.size()));
      take_up(decision, false);
      return;
    }
    std::vector<Answer> answers;
    for (const ObservedDocument& d : event.observed) {
      if (!pending_.contains(d.number))
        throw DataError(
            format("rounds.jsonl observes document {}, which it never asked; run with --redo extract", d.number));
      if (d.answered) {
        if (!parts_.index.contains(d.number))
          throw DataError(format(
              "round {} has seen document {} answered, but the journal lacks that answer: a file of journal/ was "
              "damaged or removed; restore it, or run with --redo extract: answers that are left are kept",
              event.round, d.number));
        send(d.number);
      } else {
        Answer failed;
        failed.document = d.number;
        failed.answered = false;
        failed.failure = d.failure;
        failed.usage = d.usage;
        answers.push_back(std::move(failed));
      }
    }
    while (answers.size() < event.observed.size()) {
      if (auto result = parts_.farm.next(1.0)) answers.push_back(answer_from_bytes(result->bytes));
    }
    for (const ObservedDocument& d : event.observed) {
      const std::uint64_t number = pending_.at(d.number).round;
      const auto round =
          std::find_if(rounds_.begin(), rounds_.end(), [&](const Round& r) { return r.number == number; });
      if (round != rounds_.end() && --round->missing == 0) rounds_.erase(round);
    }
    observe(std::move(answers), false);
  });
  if (totals_.asked > 0)
    log::info("extract: went through {} earlier rounds, {} documents, without asking again", totals_.rounds,
              totals_.answered);
  std::vector<std::pair<std::uint64_t, std::uint64_t>>
      unobserved;  // asked before the last run ended: (round, document)
  for (const auto& [number, p] : pending_) unobserved.emplace_back(p.round, number);
  std::sort(unobserved.begin(), unobserved.end());
  for (const auto& [round, number] : unobserved) send(number);
}

void Coordinator::drain() {
  const double end = parts_.farm.now() + params_.drain_seconds;
  log::info("stopping on request: waiting up to {:.0f} s for {} documents", params_.drain_seconds,
            parts_.farm.unanswered());
  while (parts_.farm.unanswered() > 0 && parts_.farm.now() < end) collect(0.2);
  observe_arrived();
}

}  // namespace equal::job
