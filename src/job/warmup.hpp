// Stage warmup in its parts: which documents are asked, their answers, the training.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "equal/contrast/train.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/job/job.hpp"
#include "equal/store/clusters.hpp"

#include "answers.hpp"

namespace equal::job {

/// gen-1/sample.json: the documents of the warm-up, decided once. Sealed.
struct WarmupSample {
  std::string made_from;  ///< digest of arms and settings that it was drawn with
  std::vector<std::uint64_t> documents;
};
/// Throws DataError when damaged. Local.
WarmupSample read_warmup_sample(const Workspace& aligned);
void write_warmup_sample(const Workspace& aligned, const WarmupSample& sample);

/// Documents of each cluster, `most` in all while there are any: shares that go with exp(focus x z), z the standardised
/// `similarity` of the cluster to the target, rounded as Webster does (the next one to the largest
/// share / (2 allotted + 1)); equal claims to the more similar cluster. Local, O((clusters + most) log clusters).
std::vector<std::uint64_t> allot_warmup_sample(std::span<const std::uint64_t> sizes, std::span<const float> similarity,
                                               double focus, std::uint64_t most);

/// Collective; the result is on rank 0. The first `allotted` documents of every cluster in draw order. The same on any
/// number of ranks.
std::vector<std::uint64_t> draw_warmup_sample(Job& job, const Catalog& catalog,
                                              std::span<const std::uint64_t> allotted);

/// What asking the sample came to.
struct WarmupAsked {
  std::uint64_t answered = 0, failed = 0;
  extract::Usage in_vain;  ///< on documents without an answer
};

/// Collective; the result is on rank 0. Asks the documents (equal on all ranks) that `index` (rank 0) has no answer to,
/// through the journal. Throws an agreed error of family checkpointed when it stopped on request.
WarmupAsked ask_warmup_sample(Job& job, const Catalog& catalog, const std::vector<std::uint64_t>& documents,
                              extract::Extractor& extractor, const AnswerIndex* index);

/// A document of the sample with the pairs that were extracted from it: at least one.
struct WarmupDocument {
  Digest128 digest, whole;  ///< of the document, and of the whole one that it is a piece of
  std::string text;
  std::vector<extract::Pair> pairs;
};

/// Collective; reads on rank 0, equal on all ranks. Documents without pairs are left out.
std::vector<WarmupDocument> warmup_documents(Job& job, const Catalog& catalog,
                                             const std::vector<std::uint64_t>& documents,
                                             const std::string& extractor_digest);

struct WarmupTrained {
  contrast::TrainResult result;
  std::size_t held_out = 0;
  double before = 0, after = 0;  ///< held-out MRR of the stock encoder and of the best point
};

/// Collective. Trains on the documents and writes `aligned`.encoder() when held-out documents find their pairs better
/// than with `stock`. Goes on from training.state, which `identity` names. Throws an agreed error of family
/// checkpointed when it stopped on request.
WarmupTrained train_warmup(Job& job, const Workspace& aligned, encode::Encoder& stock,
                           const std::vector<WarmupDocument>& documents, const std::string& identity);

/// Collective. The stage up to gen-1/encoder: sample, answers, training; what it has done already is taken up. The
/// record's facts say whether there is a generation 1.
StageRecord align_encoder(Job& job);

/// Passes over the documents: the setting, or what suits the encoder. Local; throws UsageError as the training does.
std::uint64_t passes_at_most(const settings::Settings& settings);

/// gen-1/encoder/encoder.json: how it was trained, and the digest of each file. Throws DataError when one does not fit.
void check_trained_encoder(const Workspace& aligned);

/// The record of the warm-up whose documents belong to the run on the workspace's arms; nothing without one, or where
/// the run has gone back to the stock encoder. Local.
std::optional<StageRecord> warmup_of_run(const Workspace& workspace);

}  // namespace equal::job
