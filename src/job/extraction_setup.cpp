#include "extraction_setup.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/side_by_side.hpp"
#include "equal/extract/chat.hpp"
#include "equal/linalg/float16.hpp"

#include "encoders.hpp"
#include "extractors.hpp"

namespace equal::job {

linalg::Matrix<float> guide_vectors(const Reference& reference, encode::Encoder& encoder, ThreadPool& pool) {
  std::vector<std::string> texts;
  for (const auto& pair : reference.guide) texts.push_back(pair_text(pair));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  linalg::Matrix<float> vectors(texts.size(), encoder.dim());
  encoder.encode(views, encode::Role::query, vectors.view(), pool);
  return vectors;
}

linalg::Matrix<float> shared_guide_vectors(Job& job, const Reference& reference, encode::Encoder& encoder) {
  std::vector<linalg::float16> halves(reference.guide.size() * encoder.dim());
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const linalg::Matrix<float> vectors = guide_vectors(reference, encoder, job.pool);
    linalg::to_float16(vectors.values(), halves);
  });
  job.comm.broadcast_bytes(std::as_writable_bytes(std::span(halves)), 0);
  linalg::Matrix<float> out(reference.guide.size(), encoder.dim());
  linalg::to_float32(halves, out.values());
  return out;
}

std::vector<float> arm_similarities(const store::Clusters& clusters, const linalg::Matrix<float>& guide) {
  linalg::Matrix<float> unit(clusters.count(), clusters.dim);
  for (std::uint32_t c = 0; c < clusters.count(); ++c) {
    double square = 0;
    for (const double x : clusters.centroid(c)) square += x * x;
    for (std::size_t j = 0; j < clusters.dim && square > 0; ++j)
      unit(c, j) = static_cast<float>(clusters.centroid(c)[j] / std::sqrt(square));
  }
  std::vector<float> out(clusters.count());
  bandit::GuideSimilarity(guide.view()).compute(std::as_const(unit).view(), out);
  return out;
}

extract::Usage expected_usage(const Job& job, const extract::Extractor& extractor, const Reference& reference,
                              double tokens_mean) {
  if (extractor.deterministic()) return {};
  const extract::PromptingParams params = prompting_params(job.settings, reference);
  extract::Usage out;
  out.calls = params.refine_file.empty() ? 1 : 2;
  out.prompt_tokens =
      out.calls * (extract::dry_run(params, {}).prompt_tokens + static_cast<std::uint64_t>(std::max(0.0, tokens_mean)));
  out.completion_tokens = out.calls * params.answer_tokens / 2;
  return out;
}

void refuse_paying_again(const Job& job, const extract::Extractor& extractor, const std::string& stage) {
  auto inputs = read_stage_record(job.workspace, stage).inputs;
  const auto question = inputs.find("question");
  if (extractor.deterministic() || question == inputs.end() || question->second == extractor.question_digest()) return;
  const std::size_t paid = AnswerIndex(job.workspace.journal(), inputs["extractor"], question->second).size();
  if (paid == 0) return;
  throw UsageError(format(
      "{} documents were answered, and paid for, with another prompt, model or sampling setting "
      "(question {}, now {}); put back what was changed, such as the file {}, or run with --redo {} to ask them again",
      paid, question->second.substr(0, 16), extractor.question_digest().substr(0, 16), job.settings.chat_prompt,
      stage));
}

namespace {

/// Mean and deviation over all documents, in fixed point so that they are the same on any number of ranks.
void share_document_statistics(Job& job, ExtractionSetup& setup) {
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

}  // namespace

ExtractionSetup set_up_extraction(Job& job) {
  ExtractionSetup setup;
  setup.catalog = shared_catalog(job);
  setup.encoder = make_encoder(job, setup.catalog);
  if (job.workspace.generation_number() > 0) {
    Job before{job.comm, job.settings, job.workspace.in_generation(0), job.pool};
    setup.stock = make_encoder(before, setup.catalog);
    setup.both = encode::make_side_by_side(*setup.stock, *setup.encoder);
  }
  comm::agree(job.comm, [&] {
    setup.clusters = store::read_clusters(job.workspace.clusters()).clusters;
    setup.reference = load_reference(job.settings);
    // keep.min_cosine is judged by one encoder all through a run: answers do not depend on the generation.
    setup.extractor = make_extractor(job, setup.reference, setup.stock ? *setup.stock : *setup.encoder);
  });
  setup.guide = {shared_guide_vectors(job, setup.reference, setup.judge()), setup.reference.guide_weights};
  setup.target = setup.stock ? shared_guide_vectors(job, setup.reference, *setup.encoder) : setup.guide.vectors;
  const bandit::GuideSimilarity similarity(std::as_const(setup.target).view());
  comm::agree(job.comm, [&] {
    if (job.comm.worker_index())
      setup.documents = std::make_unique<OwnedDocuments>(job, setup.catalog, similarity, setup.clusters.count());
  });
  share_document_statistics(job, setup);
  return setup;
}

bandit::Facts make_facts(const ExtractionSetup& setup, const Budget& budget) {
  bandit::Facts facts;
  const std::size_t k = setup.clusters.count(), dim = setup.clusters.dim;
  facts.centroids = linalg::Matrix<float>(k, dim);
  std::ranges::transform(setup.clusters.centroids, facts.centroids.values().begin(),
                         [](double x) { return static_cast<float>(x); });
  const std::vector<float> similarities = arm_similarities(setup.clusters, setup.target);
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

bool by_arrival(const settings::Settings& settings, const ExtractionSetup& setup) {
  return settings.order == "arrival" || (settings.order == "auto" && !setup.extractor->deterministic());
}

std::unique_ptr<bandit::Policy> make_run_policy(const settings::Settings& settings, const ExtractionSetup& setup,
                                                const Budget& budget) {
  bandit::PolicyParams params;
  params.seed = settings.seed;
  params.pull_documents = settings.pull_documents;
  // As answers arrive a decision is made for an eighth of the slots at once (see Coordinator::room()); a smaller one
  // would leave the rest idle.
  if (by_arrival(settings, setup)) params.round_min = std::max(params.round_min, settings.chat_slots / 8);
  return bandit::make_policy(settings.policy, params, make_facts(setup, budget));
}

}  // namespace equal::job
