// Rank 0 during the extract stage: the bandit loop, the program's one cycle.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "equal/bandit/policy.hpp"
#include "equal/bandit/shared_documents.hpp"
#include "equal/comm/task_farm.hpp"

#include "answers.hpp"
#include "budget.hpp"
#include "rewards.hpp"
#include "rounds_log.hpp"

namespace equal::job {

struct CoordinatorParams {
  bool by_arrival = false;            ///< decide as answers come; else round t from whole rounds up to t - 1 - delay
  std::uint64_t delay = 0;            ///< rounds
  std::uint64_t inflight = 0;         ///< by_arrival: documents decided but unanswered; 0: 1.25 x the farm's slots
  std::uint64_t round_documents = 0;  ///< at most so many documents a round; 0: what the policy prefers
  double drain_seconds = 30;
  Spending before;  ///< spent before the first round, on documents of the warm-up that gave no answer
};

/// Totals over the run, replayed answers included.
struct ExtractionTotals {
  Spending spent;  ///< what all answers of the run cost, whenever they were paid
  std::uint64_t rounds = 0, asked = 0, answered = 0, failed = 0, replayed = 0, kept = 0, duplicates = 0;
  std::uint64_t dropped() const {  ///< pairs, for all reasons
    std::uint64_t n = duplicates;
    for (const auto& [reason, count] : rejected) n += count;
    return n;
  }
  double credit = 0;
  std::map<std::string, std::uint64_t> rejected, failures;
};

class Coordinator {
 public:
  struct Parts {
    bandit::Policy& policy;
    bandit::SharedDocuments& documents;
    RewardModel& reward;
    comm::TaskFarm& farm;
    RoundsLog& log;
    const AnswerIndex& index;
    const Budget& budget;
    std::function<int(std::uint64_t document)> owner;  ///< rank that owns a document
    std::function<bool()> stop;                        ///< asked at safe points
    std::function<void(const ExtractionTotals&, std::size_t unanswered)> progress;
  };
  Coordinator(const Parts& parts, const CoordinatorParams& params) : parts_(parts), params_(params) {
    totals_.spent = params.before;
  }

  /// Runs rounds until budget, documents or policy end. False: stopped on request; what was asked is in the log.
  /// `paid`: documents that were asked under an earlier division into arms, or by the warm-up; they are the first round
  /// of a run without one.
  bool run(const std::vector<std::uint64_t>& paid);
  const ExtractionTotals& totals() const noexcept { return totals_; }

 private:
  struct Pending {
    bandit::Candidate candidate;
    std::uint64_t round = 0;
  };
  struct Round {
    std::uint64_t number = 0;
    std::size_t missing = 0;
    std::vector<Answer> answers;
  };
  void replay();
  void adopt(const std::vector<std::uint64_t>& paid);
  std::uint64_t inflight(std::uint64_t budget) const;
  std::uint64_t room() const;
  std::size_t out() const { return pending_.size() - arrived_.size(); }  ///< asked, no answer received
  bool ask();
  void take_up(const std::vector<bandit::Candidate>& decision, bool send);
  void send(std::uint64_t document);
  void collect(double seconds);
  void receive(Answer answer);
  void observe_arrived();
  void observe(std::vector<Answer> answers, bool record);
  void drain();

  Parts parts_;
  CoordinatorParams params_;
  ExtractionTotals totals_;
  std::unordered_map<std::uint64_t, Pending> pending_;  // asked, not observed
  std::deque<Round> rounds_;                            // fixed order: not observed, oldest first
  std::vector<Answer> arrived_;                         // by_arrival: received, not observed
  std::unordered_set<Digest128, Digest128Hash> seen_;   // pairs of the run
  std::uint64_t next_round_ = 0, observations_ = 0;
  double observed_at_ = 0;  // by_arrival: when, by the farm's clock
};

}  // namespace equal::job
