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
  Guide guide;
  std::unique_ptr<encode::Encoder> encoder;
  std::unique_ptr<extract::Extractor> extractor;
  std::unique_ptr<OwnedDocuments> documents;  ///< workers only
  double similarity_mean = 0, similarity_sd = 1, tokens_mean = 0;
};

/// The guide's pairs as the encoder sees them, (items, dim). Local.
linalg::Matrix<float> guide_vectors(const Reference& reference, encode::Encoder& encoder, ThreadPool& pool);

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
