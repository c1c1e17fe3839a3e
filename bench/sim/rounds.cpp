#include "rounds.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>

#include <sys/resource.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/settings/parse.hpp"

#include "calls.hpp"
#include "coordinator.hpp"
#include "heap.hpp"

namespace equal::sim {
namespace {

/// ExtractionWorker with the corpus in place of files and encoder, and a wait in place of the extractor.
class StandInWorker final : public comm::TaskWorker {
 public:
  StandInWorker(comm::SimulatedRank& rank, const Corpus& corpus, const Calls& calls, const RoundsParams& params)
      : rank_(rank), corpus_(corpus), calls_(calls), slots_(params.slots), journal_seconds_(params.journal_seconds) {
    const auto [first, last] = share(params, *rank.worker_index(), rank.workers());
    pool_ = std::make_unique<bandit::DocumentPool>(corpus.rows(first, last), corpus.params().arms);
  }
  /// Documents of a worker: [first, last).
  static std::pair<std::uint64_t, std::uint64_t> share(const RoundsParams& p, int index, int workers) {
    const auto edge = [&](int i) {
      return p.corpus.documents * static_cast<std::uint64_t>(i) / static_cast<std::uint64_t>(workers);
    };
    return {edge(index), edge(index + 1)};
  }

  std::size_t slots() const override { return slots_; }
  void submit(std::uint64_t task, std::string_view) override {
    const extract::Usage usage = calls_.of(task, corpus_.tokens(task));
    held_.push_back({rank_.now() + usage.seconds + journal_seconds_, task, usage});
  }
  /// Waits longer than it is told, but never beyond a message: what a real worker does by polling again.
  std::vector<comm::TaskResult> poll(double) override {
    double first = std::numeric_limits<double>::infinity();
    for (const Held& h : held_) first = std::min(first, h.ready);
    rank_.wait_until(first);
    const double now = rank_.now();
    std::vector<comm::TaskResult> out;
    std::erase_if(held_, [&](const Held& h) {
      if (h.ready > now) return false;
      job::Answer a;
      a.document = h.document;
      a.usage = h.usage;
      a.vectors = corpus_.pairs(h.document);
      for (std::uint64_t i = 0; i < a.vectors.rows(); ++i) a.duplicates.push_back({h.document, i});
      out.push_back({h.document, rank_.rank(), job::to_bytes(a)});
      return true;
    });
    return out;
  }
  std::string answer(std::string_view question) override { return bandit::answer(*pool_, question); }

 private:
  struct Held {
    double ready;
    std::uint64_t document;
    extract::Usage usage;
  };
  comm::SimulatedRank& rank_;
  const Corpus& corpus_;
  const Calls& calls_;
  std::size_t slots_;
  double journal_seconds_;
  std::unique_ptr<bandit::DocumentPool> pool_;
  std::vector<Held> held_;
};

/// Processor time of rank 0 by part, and the virtual time of its decisions.
struct Parts {
  double decide = 0, exchange = 0, observe = 0, reward = 0;  // processor seconds; decide includes exchange
  double deciding = 0;                                       // virtual seconds
  std::uint64_t decisions = 0, questions = 0, question_bytes = 0, answer_bytes = 0;
};

class TimedPolicy final : public bandit::Policy {
 public:
  TimedPolicy(std::unique_ptr<bandit::Policy> policy, comm::SimulatedRank& rank, Parts& parts)
      : policy_(std::move(policy)), rank_(rank), parts_(parts) {}
  std::vector<bandit::Candidate> decide(bandit::Documents& documents, std::size_t room) override {
    const double begun = rank_.now(), cpu = rank_.usage().compute_seconds;
    auto out = policy_->decide(documents, room);
    parts_.decide += rank_.usage().compute_seconds - cpu;
    parts_.deciding += rank_.now() - begun;
    ++parts_.decisions;
    return out;
  }
  void asked(std::span<const bandit::Candidate> decision) override { policy_->asked(decision); }
  void observe(std::span<const bandit::Outcome> outcomes, std::span<const bandit::Pull> pulls) override {
    const double cpu = rank_.usage().compute_seconds;
    policy_->observe(outcomes, pulls);
    parts_.observe += rank_.usage().compute_seconds - cpu;
  }
  std::vector<bandit::Term> explain(const bandit::Candidate& c) const override { return policy_->explain(c); }
  std::vector<bandit::Term> state() const override { return policy_->state(); }

 private:
  std::unique_ptr<bandit::Policy> policy_;
  comm::SimulatedRank& rank_;
  Parts& parts_;
};

class TimedReward final : public job::RewardModel {
 public:
  TimedReward(std::unique_ptr<job::RewardModel> reward, comm::SimulatedRank& rank, Parts& parts)
      : reward_(std::move(reward)), rank_(rank), parts_(parts) {}
  void score(std::span<job::Scored> round) override {
    const double cpu = rank_.usage().compute_seconds;
    reward_->score(round);
    parts_.reward += rank_.usage().compute_seconds - cpu;
  }

 private:
  std::unique_ptr<job::RewardModel> reward_;
  comm::SimulatedRank& rank_;
  Parts& parts_;
};

settings::Settings settings_of(const RoundsParams& p) {
  settings::Settings s = settings::defaults();
  s.budget_documents = std::to_string(p.budget_documents == 0 ? p.corpus.documents : p.budget_documents);
  s.budget_tokens = p.budget_tokens;
  s.price_prompt = 0.15;  // per million tokens, so that money is counted
  s.price_completion = 0.6;
  s.reward = p.reward;
  return s;
}

double resident_mib() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024.0;
}

/// Rank 0: as coordinate() in src/job/extract.cpp wires it, without files of a workspace.
Json coordinate(comm::SimulatedRank& rank, const RoundsParams& p, const Corpus& corpus, comm::TaskWorker* local) {
  count_this_thread();
  const settings::Settings settings = settings_of(p);
  const job::Budget budget(settings, p.corpus.documents);
  Parts parts;
  ThreadPool pool(1);
  bandit::PolicyParams policy_params;
  policy_params.seed = p.corpus.seed;
  if (p.by_arrival)
    policy_params.round_min = std::max(policy_params.round_min, p.slots * static_cast<std::size_t>(rank.workers()) / 8);
  TimedPolicy policy(bandit::make_policy(p.policy, policy_params, corpus.facts(budget.documents())), rank, parts);
  const job::Guide guide{corpus.guide(),
                         std::vector<double>(corpus.guide().rows(), 1.0 / static_cast<double>(corpus.guide().rows()))};
  TimedReward reward(job::make_reward({settings, guide, budget.documents(), pool}), rank, parts);
  comm::TaskFarm farm(rank, local);
  bandit::SharedDocuments documents(
      [&](const std::string& question) {
        const double cpu = rank.usage().compute_seconds;
        auto answers = farm.ask_all(question);
        parts.exchange += rank.usage().compute_seconds - cpu;
        ++parts.questions;
        parts.question_bytes += question.size() * answers.size();
        for (const auto& a : answers) parts.answer_bytes += a.size();
        return answers;
      },
      p.corpus.arms);
  const std::filesystem::path folder = p.folder;
  job::RoundsLog log(folder / "rounds.jsonl");
  const job::AnswerIndex index(folder / "journal", "none");
  job::CoordinatorParams params;
  params.by_arrival = p.by_arrival;
  params.round_documents = p.round_documents;
  params.drain_seconds = 0;
  std::uint64_t rounds_seen = 0;
  const comm::RankUsage before = rank.usage();
  const double begun = rank.now();
  parts = {};
  double busy = 0, last = begun;  // document-seconds that slots were held
  job::Coordinator coordinator({policy, documents, reward, farm, log, index, budget,
                                [&](std::uint64_t d) {
                                  // As Catalog::partition_of: the worker whose share holds it.
                                  int low = 0, high = rank.workers() - 1;
                                  while (low < high) {
                                    const int mid = (low + high) / 2;
                                    if (StandInWorker::share(p, mid, rank.workers()).second > d)
                                      high = mid;
                                    else
                                      low = mid + 1;
                                  }
                                  return rank.worker_rank(low);
                                },
                                [&] { return rounds_seen >= p.rounds; },
                                [&](const job::ExtractionTotals& t, std::size_t) {
                                  rounds_seen = t.rounds;
                                  busy += static_cast<double>(farm.in_flight()) * (rank.now() - last);
                                  last = rank.now();
                                }},
                               params);
  coordinator.run({});
  const job::ExtractionTotals& t = coordinator.totals();
  const comm::RankUsage after = rank.usage();
  const double seconds = rank.now() - begun, rounds = static_cast<double>(std::max<std::uint64_t>(1, t.rounds));
  const auto ms = [&](double s) { return 1e3 * s / rounds; };
  const auto per_round = [&](std::uint64_t n) { return static_cast<double>(n) / rounds; };
  const double compute = after.compute_seconds - before.compute_seconds;
  return {{"rounds", t.rounds},
          {"asked", t.asked},
          {"answered", t.answered},
          {"pairs", t.kept},
          {"credit", t.credit},
          {"spent", to_json(t.spent)},
          {"virtual_seconds", seconds},
          {"rounds_per_s", rounds / seconds},
          {"coordinator_round_ms", ms(compute)},
          {"decide_ms", ms(parts.decide - parts.exchange)},
          {"exchange_ms", ms(parts.exchange)},
          {"observe_ms", ms(parts.observe)},
          {"reward_ms", ms(parts.reward)},
          {"rest_ms", ms(compute - parts.decide - parts.observe - parts.reward)},
          {"deciding_ms", 1e3 * parts.deciding / static_cast<double>(std::max<std::uint64_t>(1, parts.decisions))},
          {"utilisation", busy / seconds / static_cast<double>(farm.slots())},
          {"questions_per_round", per_round(parts.questions)},
          {"question_bytes_per_round", per_round(parts.question_bytes)},
          {"answer_bytes_per_round", per_round(parts.answer_bytes)},
          {"messages_per_round",
           per_round(after.messages_sent + after.messages_received - before.messages_sent - before.messages_received)},
          {"bytes_per_round",
           per_round(after.bytes_sent + after.bytes_received - before.bytes_sent - before.bytes_received)},
          {"peak_waiting_mib", static_cast<double>(after.peak_waiting_bytes) / 0x1p20},
          {"coordinator_mib", static_cast<double>(peak_counted_bytes()) / 0x1p20},
          {"rounds_bytes", std::filesystem::file_size(folder / "rounds.jsonl")},
          {"rounds_sha256", sha256_file((folder / "rounds.jsonl").string())}};
}

}  // namespace

Json simulate_rounds(const RoundsParams& params) {
  const Corpus corpus(params.corpus);
  const Calls calls(params.latency, params.corpus.seed);
  std::filesystem::create_directories(std::filesystem::path(params.folder) / "journal");
  Json out;
  comm::simulate(params.world, [&](comm::SimulatedRank& rank) {
    std::unique_ptr<StandInWorker> worker;
    if (rank.worker_index()) worker = std::make_unique<StandInWorker>(rank, corpus, calls, params);
    rank.barrier();
    if (rank.is_root()) {
      out = coordinate(rank, params, corpus, worker.get());
    } else {
      comm::serve_tasks(rank, *worker);
    }
    return 0;
  });
  out["rss_mib"] = resident_mib();
  return out;
}

}  // namespace equal::sim
