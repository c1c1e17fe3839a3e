// Stage warmup: sample -> answers -> training -> gen-1/encoder, then embed and cluster once more.
#include "warmup.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "encoders.hpp"
#include "extraction_setup.hpp"
#include "extractors.hpp"
#include "run_view.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

/// Tokens of a document on average, from its bytes.
double tokens_mean(const Catalog& catalog) {
  return static_cast<double>(catalog.text_bytes()) / 4.0 /
         static_cast<double>(std::max<std::uint64_t>(1, catalog.documents()));
}

/// Documents that the warm-up may ask: its cap, and its share of the budget in whatever unit that is.
std::uint64_t most_documents(const Job& job, const Catalog& catalog, const extract::Extractor& extractor,
                             const Reference& reference) {
  Budget budget(job.settings, catalog.documents());
  budget.expect(expected_usage(job, extractor, reference, tokens_mean(catalog)));
  const double share = job.settings.warmup_budget_share * static_cast<double>(budget.room(0, 0, {}));
  return std::min(job.settings.warmup_max_documents, static_cast<std::uint64_t>(std::floor(share)));
}

/// Collective. The sample in the workspace, drawn when there is none of these arms and settings.
std::vector<std::uint64_t> sample_of(Job& job, const Workspace& aligned, const Catalog& catalog,
                                     encode::Encoder& encoder, const extract::Extractor& extractor,
                                     const Reference& reference, const StageRecord& record) {
  std::vector<std::uint64_t> documents;
  std::string made_from;
  store::Clusters clusters;
  comm::agree(job.comm, [&] {
    made_from = sha256_hex(record.digest() + reference.digest +
                           read_stage_record(job.workspace, "cluster").facts.value("clusters_digest", ""));
    clusters = store::read_clusters(job.workspace.clusters()).clusters;
    if (!job.comm.is_root() || !fs::exists(aligned.warmup_sample())) return;
    WarmupSample found = read_warmup_sample(aligned);
    if (found.made_from == made_from) documents = std::move(found.documents);
  });
  if (comm::broadcast(job.comm, documents.empty())) {
    const auto guide = shared_guide_vectors(job, reference, encoder);
    const auto similarity = arm_similarities(clusters, guide);
    const std::uint64_t most = std::min(job.settings.warmup_per_cluster * clusters.count(),
                                        most_documents(job, catalog, extractor, reference));
    documents = draw_warmup_sample(job, catalog,
                                   allot_warmup_sample(clusters.counts, similarity, job.settings.warmup_focus, most));
    comm::agree(job.comm, [&] {
      if (job.comm.is_root()) write_warmup_sample(aligned, {made_from, documents});
    });
  }
  comm::broadcast_vector(job.comm, documents);
  return documents;
}

Json curve_of(const contrast::TrainResult& result) {
  Json out = Json::array();
  for (const auto& p : result.curve) out.push_back({{"step", p.step}, {"loss", p.loss}, {"mrr", p.mrr}});
  return out;
}

/// Collective. Everything up to the record; its facts say whether there is a generation 1.
StageRecord make_encoder_of_sample(Job& job, const Catalog& catalog, encode::Encoder& stock,
                                   extract::Extractor& extractor, const Reference& reference, StageRecord record) {
  const auto start = std::chrono::steady_clock::now();
  const Workspace aligned = job.workspace.in_generation(1);
  const auto documents = sample_of(job, aligned, catalog, stock, extractor, reference, record);
  std::unique_ptr<AnswerIndex> index;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root())
      index = std::make_unique<AnswerIndex>(job.workspace.journal(), extractor.digest(), extractor.question_digest());
  });
  const WarmupAsked asked = ask_warmup_sample(job, catalog, documents, extractor, index.get());
  index.reset();
  const auto examples = warmup_documents(job, catalog, documents, extractor.digest());
  std::size_t pairs = 0;
  Sha256 identity;
  identity.update(record.digest());
  for (const WarmupDocument& d : examples) {
    pairs += d.pairs.size();
    identity.update_value(d.digest);
    for (const auto& p : d.pairs) identity.update_value(duplicate_digest(p));
  }
  record.facts = {{"aligned", false},       {"asked", documents.size()}, {"answered", asked.answered},
                  {"failed", asked.failed}, {"in_vain", Json::array()},  {"examples", examples.size()},
                  {"pairs", pairs}};
  end_part(job, "ask");
  record.facts["in_vain"] = {asked.in_vain.calls, asked.in_vain.prompt_tokens, asked.in_vain.completion_tokens};
  if (examples.size() < job.settings.warmup_min_documents) {
    record.facts["reason"] = format("{} documents with pairs are fewer than warmup.min_documents = {}", examples.size(),
                                    job.settings.warmup_min_documents);
  } else {
    const WarmupTrained trained = train_warmup(job, aligned, stock, examples, identity.hex());
    record.facts["held_out"] = trained.held_out;
    record.facts["mrr_before"] = trained.before;
    record.facts["mrr_after"] = trained.after;
    record.facts["steps"] = trained.result.steps;
    record.facts["best_step"] = trained.result.best_step;
    record.facts["curve"] = curve_of(trained.result);
    record.facts["aligned"] = trained.result.best_step > 0;
    if (trained.result.best_step == 0)
      record.facts["reason"] = "training did not bring held-out documents nearer to their pairs";
  }
  if (record.facts["aligned"].get<bool>()) {
    Job trained{job.comm, job.settings, aligned, job.pool};
    record.facts["encoder_digest"] = make_encoder(trained, catalog)->digest();
  }
  end_part(job, "train");
  record.facts["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    write_stage_record(job.workspace, record);
    fs::remove(aligned.training_state());
    if (record.facts["aligned"].get<bool>())
      log::info("warmup: held-out MRR {:.4f} -> {:.4f} after {} documents, {}",
                record.facts["mrr_before"].get<double>(), record.facts["mrr_after"].get<double>(), documents.size(),
                human_seconds(record.facts["seconds"].get<double>()));
    else
      log::warn("warmup: {}; the stock encoder stays", record.facts["reason"].get<std::string>());
  });
  return record;
}

}  // namespace

std::optional<StageRecord> warmup_of_run(const Workspace& workspace) {
  if (!has_stage_record(workspace, "warmup")) return std::nullopt;
  StageRecord record = read_stage_record(workspace, "warmup");
  if (record.facts.value("aligned", false) != (workspace.generation_number() > 0)) return std::nullopt;
  return record;
}

StageRecord align_encoder(Job& job) {
  const Catalog catalog = shared_catalog(job);
  const auto stock = make_encoder(job, catalog);
  Reference reference;
  std::unique_ptr<extract::Extractor> extractor;
  comm::agree(job.comm, [&] {
    read_stage_record(job.workspace, "cluster");
    reference = load_reference(job.settings);
    extractor = make_extractor(job, reference, *stock);
  });
  // Neither corpus nor arms: documents that are added later, and their arms, need no other encoder.
  // Nor the rules that judge a model's answers.
  const std::string question = extractor->question_digest();
  StageRecord record = expected_record("warmup", job.settings, {{"encoder", stock->digest()}});
  record.inputs[question.empty() ? "extractor" : "question"] = question.empty() ? extractor->digest() : question;
  const StageState state = shared_stage_state(job, record);
  if (state == StageState::complete) {
    if (job.comm.is_root()) log::info("warmup: complete");
    comm::agree(job.comm, [&] { record = read_stage_record(job.workspace, "warmup"); });
  } else {
    comm::agree(job.comm, [&] {
      if (state == StageState::changed) refuse_paying_again(job, *extractor, "warmup");
    });
    record = make_encoder_of_sample(job, catalog, *stock, *extractor, reference, record);
  }
  return record;
}

void warmup_stage(Job& job) {
  const StageRecord record = align_encoder(job);
  const Workspace current = job.workspace.in_generation(record.facts.value("aligned", false) ? 1 : 0);
  job.workspace = current;
  if (current.generation_number() > 0) {
    embed_stage(job);
    cluster_stage(job);
  }
  comm::agree(job.comm, [&] {
    if (job.comm.is_root()) make_current(current);
  });
}

}  // namespace equal::job
