// What the extract stage and its dry run begin with: corpus, arms, target, encoder, extractor, unasked documents.
#pragma once

#include <memory>

#include "equal/bandit/policy.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/job/job.hpp"
#include "equal/store/clusters.hpp"

#include "budget.hpp"
#include "reference.hpp"
#include "rewards.hpp"
#include "worker.hpp"

namespace equal::job {

/// Everything that both sides need; equal on all ranks unless said otherwise.
struct ExtractionSetup {
  Catalog catalog;
  store::Clusters clusters;
  Reference reference;
  Guide guide;                   ///< as judge() sees it: for rewards
  linalg::Matrix<float> target;  ///< the guide's pairs as `encoder` sees them: for documents and arms
  std::unique_ptr<encode::Encoder> encoder;
  std::unique_ptr<encode::Encoder> stock, both;  ///< where `encoder` is a trained one; else nothing
  std::unique_ptr<extract::Extractor> extractor;
  std::unique_ptr<OwnedDocuments> documents;  ///< workers only
  double similarity_mean = 0, similarity_sd = 1, tokens_mean = 0;

  /// What rewards are judged by: the trained encoder beside the stock one (docs/algorithms/contrast.md).
  encode::Encoder& judge() const { return both ? *both : *encoder; }
};

/// The guide's pairs as the encoder sees them, (items, dim). Local.
linalg::Matrix<float> guide_vectors(const Reference& reference, encode::Encoder& encoder, ThreadPool& pool);
/// The same on all ranks, to the bit: rank 0 encodes. Values of float16. Collective.
linalg::Matrix<float> shared_guide_vectors(Job& job, const Reference& reference, encode::Encoder& encoder);

/// Mean cosine of each cluster's centroid to its nearest guide items, (clusters). Local.
std::vector<float> arm_similarities(const store::Clusters& clusters, const linalg::Matrix<float>& guide);

/// What a document is expected to cost before any has been answered, from the sizes of documents and prompt. Local.
extract::Usage expected_usage(const Job& job, const extract::Extractor& extractor, const Reference& reference,
                              double tokens_mean);

/// Throws when answers that were paid for would be asked again because the extractor is not the one that gave them,
/// which the record of `stage` names. Local.
void refuse_paying_again(const Job& job, const extract::Extractor& extractor, const std::string& stage);

/// Collective.
ExtractionSetup set_up_extraction(Job& job);

/// What a policy is made from. Local.
bandit::Facts make_facts(const ExtractionSetup& setup, const Budget& budget);

/// Whether decisions follow answers as they arrive, and not in rounds. Local.
bool by_arrival(const settings::Settings& settings, const ExtractionSetup& setup);

/// The policy of the run, before it has seen anything. Local.
std::unique_ptr<bandit::Policy> make_run_policy(const settings::Settings& settings, const ExtractionSetup& setup,
                                                const Budget& budget);

}  // namespace equal::job
