// Stage extract: set-up on all ranks, then rank 0 runs the bandit loop (coordinator.hpp) and the others serve it.
#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <unordered_set>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/extract/chat.hpp"
#include "equal/extract/prompt.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/stop.hpp"

#include "coordinator.hpp"
#include "extraction_progress.hpp"
#include "extraction_setup.hpp"
#include "extractors.hpp"
#include "warmup.hpp"

namespace equal::job {
namespace {

CoordinatorParams coordinator_params(const settings::Settings& s, const ExtractionSetup& setup) {
  CoordinatorParams p;
  p.by_arrival = by_arrival(s, setup);
  p.delay = s.delay;
  p.inflight = s.inflight;
  p.round_documents = s.round_documents;
  p.drain_seconds = static_cast<double>(s.drain_seconds);
  return p;
}

Json facts_of(const ExtractionTotals& t, const Budget& budget, bool complete, double seconds) {
  return {{"complete", complete},       {"budget", budget.text()}, {"rounds", t.rounds},     {"asked", t.asked},
          {"answered", t.answered},     {"failed", t.failed},      {"replayed", t.replayed}, {"pairs", t.kept},
          {"duplicates", t.duplicates}, {"credit", t.credit},      {"rejected", t.rejected}, {"failures", t.failures},
          {"spent", to_json(t.spent)},  {"seconds", seconds}};
}

/// Documents that had been asked for without a durable answer when the last run ended: their requests may have been
/// paid for in vain. Those that never left a queue are counted too, up to what can be in flight.
std::uint64_t lost_in_flight(const RoundsLog& log, const AnswerIndex& index, std::size_t slots) {
  std::unordered_set<std::uint64_t> open;
  log.for_each([&](const RoundEvent& event) {
    for (const std::uint64_t document : event.asked) {
      if (!index.contains(document)) open.insert(document);
    }
    for (const ObservedDocument& document : event.observed) open.erase(document.number);
  });
  return std::min<std::uint64_t>(open.size(), slots);
}

/// Who answered, for the provenance of the data set.
void add_origin(Json& facts, const settings::Settings& s) {
  if (s.extractor != "chat" && s.extractor != "command") return;
  facts["model"] = s.chat_model;
  facts["prompt_sha256"] = extract::load_prompt(s.chat_prompt).digest();
}

/// What status.json says about an extraction beside progress and pace.
Json status_details(const ExtractionTotals& t, const Budget& budget, std::size_t unanswered) {
  return {{"documents_budget", budget.documents()},
          {"asked", t.asked},
          {"answered", t.answered},
          {"failed", t.failed},
          {"failures", t.failures},
          {"unanswered", unanswered},
          {"pairs", t.kept},
          {"credit", t.credit},
          {"dropped", t.dropped()},
          {"spent", to_json(t.spent)},
          {"projected", to_json(budget.projected(t.spent))}};
}

/// Documents that were asked before the first round: by the warm-up and, when arms or documents have changed since
/// (`adopt_all`), by the rounds of before.
std::vector<std::uint64_t> paid_before(const Job& job, const Catalog& catalog, const AnswerIndex& index,
                                       bool adopt_all) {
  std::set<std::uint64_t> out;
  if (warmup_of_run(job.workspace)) {
    const auto sample = read_warmup_sample(job.workspace.in_generation(1)).documents;
    out.insert(sample.begin(), sample.end());
  }
  if (adopt_all) {
    for (const std::uint64_t d : index.documents()) {
      if (d < catalog.documents()) out.insert(d);
    }
  }
  return {out.begin(), out.end()};
}

/// What the warm-up spent on documents that gave no answer.
Spending spent_in_vain(const Json& warmup, const Budget& budget) {
  const auto spent = warmup.value("in_vain", std::vector<std::uint64_t>(3, 0));
  extract::Usage usage;
  usage.calls = spent.at(0), usage.prompt_tokens = spent.at(1), usage.completion_tokens = spent.at(2);
  Spending out;
  budget.add(out, usage);
  out.documents = 0;  // they are asked once more, and counted then
  return out;
}

/// Rank 0. Returns false when stopped on request.
bool coordinate(Job& job, ExtractionSetup& setup, const Budget& budget, const AnswerIndex& index,
                const std::vector<std::uint64_t>& paid, std::uint64_t lost_before, comm::TaskWorker* local,
                StageRecord& record) {
  const auto start = std::chrono::steady_clock::now();
  const auto policy = make_run_policy(job.settings, setup, budget);
  const auto reward = make_reward({job.settings, setup.guide, budget.documents(), job.pool});
  comm::TaskFarm farm(job.comm, local);
  bandit::SharedDocuments documents([&](const std::string& question) { return farm.ask_all(question); },
                                    setup.clusters.count());
  RoundsLog log(job.workspace.rounds());
  const std::vector<int> owners = setup.catalog.owners(job.comm.workers());
  // Kept over all runs of the workspace, and written before anything is asked: this run may be killed too.
  if (!setup.extractor->deterministic()) {
    const std::uint64_t lost = lost_in_flight(log, index, farm.slots());
    if (lost > 0)
      log::warn("extract: at most {} requests were on the wire when the last run ended and are sent again", lost);
    lost_before += lost;
    record.facts["lost_in_flight"] = lost_before;
    write_stage_record(job.workspace, record);
  }
  ProgressLine line(job.workspace, "extract", "documents", budget.documents());
  std::optional<ExtractionProgress> progress;

  const Coordinator::Parts parts{
      *policy,
      documents,
      *reward,
      farm,
      log,
      index,
      budget,
      [&](std::uint64_t d) { return job.comm.worker_rank(owners[setup.catalog.partition_of(d).id.value]); },
      &stop_requested,
      [&](const ExtractionTotals& t, std::size_t unanswered) {
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!progress) {
          progress.emplace(budget, t, seconds);
          line.start_from(t.answered + t.failed);
        }
        line.set_total(budget.projected(t.spent).documents);
        line.show(
            t.answered + t.failed, [&] { return progress->note(t, farm.in_flight(), seconds); },
            [&] { return status_details(t, budget, unanswered); });
        if (const auto projection = progress->projection(t)) log::info("extract: {}", *projection);
      }};
  CoordinatorParams params = coordinator_params(job.settings, setup);
  if (const auto warmup = warmup_of_run(job.workspace)) {
    params.before = spent_in_vain(warmup->facts, budget);
    if (log.empty()) {
      RoundEvent event;
      event.kind = RoundEvent::Kind::warmup;
      event.facts = warmup->facts;
      log.append(event);
    }
  }
  Coordinator coordinator(parts, params);
  const bool complete = coordinator.run(paid);
  if (complete) farm.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const ExtractionTotals& t = coordinator.totals();
  line.write_status(t.answered + t.failed, status_details(t, budget, farm.unanswered()));
  record.facts = facts_of(t, budget, complete, seconds);
  if (!setup.extractor->deterministic()) record.facts["lost_in_flight"] = lost_before;
  add_origin(record.facts, job.settings);
  Json served = Json::array();
  for (const double share : reward->served()) served.push_back(share);
  record.facts["served"] = std::move(served);
  log::info("extract: {} documents asked in {} rounds, {} pairs kept, {} duplicates, {} failed, {}",
            human_count(static_cast<double>(t.asked)), t.rounds, human_count(static_cast<double>(t.kept)), t.duplicates,
            t.failed, human_seconds(seconds));
  return complete;
}

}  // namespace

bool extract_stage(Job& job) {
  ExtractionSetup setup = set_up_extraction(job);
  std::string clusters_digest;
  comm::agree(job.comm, [&] {
    clusters_digest = read_stage_record(job.workspace, "cluster").facts.value("clusters_digest", "");
  });
  Budget budget(job.settings, setup.catalog.documents());
  budget.expect(expected_usage(job, *setup.extractor, setup.reference, setup.tokens_mean));
  StageRecord record = expected_record(
      "extract", job.settings,
      {{"clusters", clusters_digest}, {"reference", setup.reference.digest}, {"extractor", setup.extractor->digest()}});
  if (const std::string question = setup.extractor->question_digest(); !question.empty())
    record.inputs["question"] = question;

  bool adopt = false, done = false;
  std::uint32_t generation = 0;
  std::uint64_t lost_before = 0;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const StageState state = stage_state(job.workspace, record);
    if (state != StageState::missing) {
      const Json facts = read_stage_record(job.workspace, "extract").facts;
      const bool changed = state == StageState::changed;
      if (changed) refuse_paying_again(job, *setup.extractor, "extract");
      // A run that was killed before its first round still has it to do.
      adopt = changed || facts.value("adopt", false);
      lost_before = facts.value("lost_in_flight", std::uint64_t{0});
      done = !changed && facts.value("complete", false) && facts.value("budget", "") == budget.text();
      if (done) for_each_whole_round(job.workspace.rounds(), facts);
      // It speaks of other arms or other pairs; the answers stay in the journal.
      if (changed) std::filesystem::remove(job.workspace.rounds());
    }
    if (done) log::info("extract: complete");
    std::filesystem::create_directories(job.workspace.journal());
    generation = store::next_generation(job.workspace.journal());
    // The record says from the first round on what this stage is made with; "complete" follows at the end.
    if (!done) {
      record.facts = {{"complete", false}, {"budget", budget.text()}, {"adopt", adopt}};
      add_origin(record.facts, job.settings);
      write_stage_record(job.workspace, record);
    }
  });
  if (comm::broadcast(job.comm, done)) return true;
  generation = comm::broadcast(job.comm, generation);

  std::unique_ptr<AnswerIndex> index;
  std::unique_ptr<ExtractionWorker> worker;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root()) {
      index = std::make_unique<AnswerIndex>(job.workspace.journal(), setup.extractor->digest(),
                                            setup.extractor->question_digest());
      if (index->size() > 0)
        log::info("extract: {} documents are answered already{}", human_count(static_cast<double>(index->size())),
                  index->judged_otherwise() == 0 ? ""
                                                 : format(", {} of them are judged again by the rules as they are now",
                                                          human_count(static_cast<double>(index->judged_otherwise()))));
    }
    if (job.comm.worker_index())
      worker = std::make_unique<ExtractionWorker>(job, setup.catalog, setup.documents.get(), *setup.extractor,
                                                  &setup.judge(), generation);
  });

  end_part(job, "set_up");
  bool complete = false;
  if (job.comm.is_root()) {
    complete = coordinate(job, setup, budget, *index, paid_before(job, setup.catalog, *index, adopt), lost_before,
                          worker.get(), record);
    if (complete) record.facts["rounds_bytes"] = std::filesystem::file_size(job.workspace.rounds());
    write_stage_record(job.workspace, record);
  } else {
    comm::serve_tasks(job.comm, *worker);
  }
  // The first worker's view of the servers stands for all.
  if (job.comm.worker_index() == 0) {
    if (const std::string report = setup.extractor->report(); !report.empty()) log::info("extract: {}", report);
  }
  end_part(job, "rounds");
  return comm::broadcast(job.comm, complete);
}

}  // namespace equal::job
