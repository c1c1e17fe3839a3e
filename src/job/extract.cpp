// Stage extract: set-up on all ranks, then rank 0 runs the bandit loop (coordinator.hpp) and the others serve it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/stop.hpp"
#include "equal/linalg/float16.hpp"
#include "equal/store/clusters.hpp"

#include "coordinator.hpp"
#include "encoders.hpp"
#include "extractors.hpp"
#include "reference.hpp"
#include "worker.hpp"

namespace equal::job {
namespace {

/// Everything that both sides need; equal on all ranks unless said otherwise.
struct Setup {
  Catalog catalog;
  store::Clusters clusters;
  Reference reference;
  Guide guide;
  std::unique_ptr<encode::Encoder> encoder;
  std::unique_ptr<extract::Extractor> extractor;
  std::unique_ptr<OwnedDocuments> documents;  ///< workers only
  double similarity_mean = 0, similarity_sd = 1, tokens_mean = 0;
};

/// Rank 0 encodes the guide, so that its bits are the same everywhere.
linalg::Matrix<float> shared_guide_vectors(Job& job, const Reference& reference, encode::Encoder& encoder) {
  std::vector<linalg::float16> halves(reference.guide.size() * encoder.dim());
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    std::vector<std::string> texts;
    for (const auto& pair : reference.guide) texts.push_back(pair_text(pair));
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    linalg::Matrix<float> vectors(texts.size(), encoder.dim());
    encoder.encode(views, encode::Role::query, vectors.view(), job.pool);
    linalg::to_float16(vectors.values(), halves);
  });
  job.comm.broadcast_bytes(std::as_writable_bytes(std::span(halves)), 0);
  linalg::Matrix<float> out(reference.guide.size(), encoder.dim());
  linalg::to_float32(halves, out.values());
  return out;
}

/// Mean and deviation over all documents, in fixed point so that they are the same on any number of ranks.
void share_document_statistics(Job& job, Setup& setup) {
  std::array<std::int64_t, 3> sums{};
  if (setup.documents) {
    sums = setup.documents->sums();
  }
  job.comm.sum(std::span<std::int64_t>(sums));
  const double n = static_cast<double>(std::max<std::uint64_t>(1, setup.catalog.documents()));
  setup.similarity_mean = static_cast<double>(sums[0]) / OwnedDocuments::kSimilarityScale / n;
  const double square = static_cast<double>(sums[1]) / OwnedDocuments::kSimilarityScale / n;
  const double variance = square - setup.similarity_mean * setup.similarity_mean;
  setup.similarity_sd = variance > 1e-12 ? std::sqrt(variance) : 1.0;
  setup.tokens_mean = static_cast<double>(sums[2]) / OwnedDocuments::kTokenScale / n;
}

Setup set_up(Job& job) {
  Setup setup;
  setup.catalog = shared_catalog(job);
  setup.encoder = make_encoder(job, setup.catalog);
  comm::agree(job.comm, [&] {
    setup.clusters = store::read_clusters(job.workspace.clusters()).clusters;
    setup.reference = load_reference(job.settings);
    setup.extractor = make_extractor(job.settings, job.comm.rank());
  });
  setup.guide = {shared_guide_vectors(job, setup.reference, *setup.encoder), setup.reference.guide_weights};
  const bandit::GuideSimilarity similarity(std::as_const(setup.guide.vectors).view());
  comm::agree(job.comm, [&] {
    if (job.comm.worker_index())
      setup.documents = std::make_unique<OwnedDocuments>(job, setup.catalog, similarity, setup.clusters.count());
  });
  share_document_statistics(job, setup);
  return setup;
}

bandit::Facts make_facts(const Setup& setup, const Budget& budget) {
  bandit::Facts facts;
  const std::size_t k = setup.clusters.count(), dim = setup.clusters.dim;
  facts.centroids = linalg::Matrix<float>(k, dim);
  linalg::Matrix<float> unit(k, dim);
  for (std::size_t c = 0; c < k; ++c) {
    double square = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      const double x = setup.clusters.centroids[c * dim + j];
      facts.centroids(c, j) = static_cast<float>(x);
      square += x * x;
    }
    for (std::size_t j = 0; j < dim && square > 0; ++j)
      unit(c, j) = static_cast<float>(setup.clusters.centroids[c * dim + j] / std::sqrt(square));
  }
  std::vector<float> similarities(k);
  bandit::GuideSimilarity(setup.guide.vectors.view()).compute(std::as_const(unit).view(), similarities);
  for (std::uint32_t c = 0; c < k; ++c) {
    bandit::Arm arm;
    arm.documents = setup.clusters.counts[c];
    arm.radius = setup.clusters.radius[c];
    arm.variance = setup.clusters.variance[c];
    arm.similarity = similarities[c];
    arm.neighbours.push_back(c);
    if (!setup.clusters.neighbour_start.empty()) {
      for (auto i = setup.clusters.neighbour_start[c]; i < setup.clusters.neighbour_start[c + 1]; ++i)
        arm.neighbours.push_back(setup.clusters.neighbours[i]);
    }
    std::sort(arm.neighbours.begin(), arm.neighbours.end());
    facts.arms.push_back(std::move(arm));
  }
  facts.similarity_mean = setup.similarity_mean;
  facts.similarity_sd = setup.similarity_sd;
  facts.tokens_mean = setup.tokens_mean;
  facts.budget_documents = budget.documents();
  return facts;
}

CoordinatorParams coordinator_params(const settings::Settings& s, bool deterministic, std::size_t slots) {
  CoordinatorParams p;
  p.by_arrival = s.order == "arrival" || (s.order == "auto" && !deterministic);
  p.delay = s.delay;
  p.inflight = s.inflight > 0 ? s.inflight : static_cast<std::uint64_t>(std::ceil(1.25 * static_cast<double>(slots)));
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

void write_status(const Workspace& workspace, const ExtractionTotals& t, const Budget& budget, std::size_t unanswered) {
  Json json = {{"stage", "extract"},       {"documents_budget", budget.documents()},
               {"asked", t.asked},         {"answered", t.answered},
               {"failed", t.failed},       {"unanswered", unanswered},
               {"pairs", t.kept},          {"credit", t.credit},
               {"spent", to_json(t.spent)}};
  write_file_atomically(workspace.status(), json.dump(2) + "\n");
}

/// Rank 0. Returns false when stopped on request.
bool coordinate(Job& job, Setup& setup, const Budget& budget, const AnswerIndex& index, bool adopt_answers,
                comm::TaskWorker* local, StageRecord& record) {
  const auto start = std::chrono::steady_clock::now();
  bandit::PolicyParams policy_params;
  policy_params.seed = job.settings.seed;
  policy_params.pull_documents = job.settings.pull_documents;
  const auto policy = bandit::make_policy(job.settings.policy, policy_params, make_facts(setup, budget));
  const auto reward = make_reward(job.settings, setup.guide, budget.documents(), job.pool);
  comm::TaskFarm farm(job.comm, local);
  bandit::SharedDocuments documents([&](const std::string& question) { return farm.ask_all(question); },
                                    setup.clusters.count());
  RoundsLog log(job.workspace.rounds());
  const std::vector<int> owners = setup.catalog.owners(job.comm.workers());
  ProgressLine line("extract", "documents", budget.documents());
  auto last_status = start;

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
        line.show(t.answered + t.failed, format("{} pairs", human_count(static_cast<double>(t.kept))));
        const auto now = std::chrono::steady_clock::now();
        if (now - last_status < std::chrono::seconds(5)) return;
        last_status = now;
        write_status(job.workspace, t, budget, unanswered);
      }};
  Coordinator coordinator(parts, coordinator_params(job.settings, setup.extractor->deterministic(), farm.slots()));
  std::vector<std::uint64_t> paid;
  if (adopt_answers) {
    for (std::uint64_t d = 0; d < setup.catalog.documents(); ++d) {
      if (index.contains(d)) paid.push_back(d);
    }
  }
  const bool complete = coordinator.run(paid);
  if (complete) farm.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const ExtractionTotals& t = coordinator.totals();
  write_status(job.workspace, t, budget, farm.unanswered());
  record.facts = facts_of(t, budget, complete, seconds);
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
  Setup setup = set_up(job);
  std::string clusters_digest;
  comm::agree(job.comm, [&] {
    clusters_digest = read_stage_record(job.workspace, "cluster").facts.value("clusters_digest", "");
  });
  const Budget budget(job.settings, setup.catalog.documents());
  StageRecord record = expected_record(
      "extract", job.settings,
      {{"clusters", clusters_digest}, {"reference", setup.reference.digest}, {"extractor", setup.extractor->digest()}});

  bool inputs_changed = false, done = false;
  std::uint32_t generation = 0;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const StageState state = stage_state(job.workspace, record);
    if (state != StageState::missing) {
      const Json facts = read_stage_record(job.workspace, "extract").facts;
      inputs_changed = state == StageState::inputs_changed;
      done = !inputs_changed && facts.value("complete", false) && facts.value("budget", "") == budget.text();
    }
    if (done) log::info("extract: complete");
    if (inputs_changed)
      std::filesystem::remove(job.workspace.rounds());  // it speaks of other arms; the answers stay in the journal
    std::filesystem::create_directories(job.workspace.journal());
    generation = store::next_generation(job.workspace.journal());
    // The record says from the first round on what this stage is made with; "complete" follows at the end.
    if (!done) {
      record.facts = {{"complete", false}, {"budget", budget.text()}};
      write_stage_record(job.workspace, record);
    }
  });
  if (comm::broadcast(job.comm, done)) return true;
  generation = comm::broadcast(job.comm, generation);

  std::unique_ptr<AnswerIndex> index;
  std::unique_ptr<ExtractionWorker> worker;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root()) {
      index = std::make_unique<AnswerIndex>(job.workspace.journal(), setup.extractor->digest());
      if (index->size() > 0)
        log::info("extract: {} documents are answered already", human_count(static_cast<double>(index->size())));
    }
    if (job.comm.worker_index())
      worker = std::make_unique<ExtractionWorker>(job, setup.catalog, *setup.documents, *setup.extractor,
                                                  *setup.encoder, generation);
  });

  bool complete = false;
  if (job.comm.is_root()) {
    complete = coordinate(job, setup, budget, *index, inputs_changed, worker.get(), record);
    write_stage_record(job.workspace, record);
  } else {
    comm::serve_tasks(job.comm, *worker);
  }
  return comm::broadcast(job.comm, complete);
}

}  // namespace equal::job
