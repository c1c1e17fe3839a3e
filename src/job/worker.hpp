// A worker's side of the extract stage: reads documents, runs the extractor, makes answers durable, reports them; and
// answers the coordinator's questions about unasked documents.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "equal/bandit/document_pool.hpp"
#include "equal/bandit/similarity.hpp"
#include "equal/comm/task_farm.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/job/job.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/journal.hpp"
#include "equal/store/partition.hpp"

#include "answers.hpp"

namespace equal::job {

/// The unasked documents of this rank's partitions.
class OwnedDocuments {
 public:
  OwnedDocuments(Job& job, const Catalog& catalog, const bandit::GuideSimilarity& similarity, std::uint32_t clusters);
  bandit::DocumentPool& pool() { return *pool_; }
  /// Sums over the documents of similarity and its square (times kSimilarityScale) and of estimated tokens (times
  /// kTokenScale), each document rounded by itself: the totals over the ranks do not depend on the division.
  const std::array<std::int64_t, 3>& sums() const noexcept { return sums_; }
  static constexpr double kSimilarityScale = 0x1p30, kTokenScale = 0x1p4;

 private:
  struct Part {
    std::size_t first;  ///< pool position of its first row
    store::EmbeddingsReader embeddings;
  };
  void read_rows(std::size_t first, linalg::MatrixView<float> out) const;
  std::vector<Part> parts_;
  std::unique_ptr<bandit::DocumentPool> pool_;
  std::array<std::int64_t, 3> sums_{};
};

/// Task = a document number; its bytes are the journal record to replay, or empty to ask the extractor. A record that
/// was judged by other rules is judged again, and recorded so. Without `documents` it answers no questions, without
/// `encoder` answers have no vectors: for the warm-up, which asks a list.
class ExtractionWorker final : public comm::TaskWorker {
 public:
  ExtractionWorker(Job& job, const Catalog& catalog, OwnedDocuments* documents, extract::Extractor& extractor,
                   encode::Encoder* encoder, std::uint32_t generation);
  std::size_t slots() const override;
  void submit(std::uint64_t task, std::string_view bytes) override;
  std::vector<comm::TaskResult> poll(double wait_seconds) override;
  std::string answer(std::string_view question) override;

 private:
  const store::PartitionReader& partition(const PartitionInfo& info);
  void record(const extract::Extraction& extraction);
  Answer summarise(const extract::Extraction& extraction, bool replayed);
  Job& job_;
  const Catalog& catalog_;
  OwnedDocuments* documents_;
  extract::Extractor& extractor_;
  encode::Encoder* encoder_;
  std::string extractor_digest_, question_digest_;
  store::JournalWriter journal_;
  std::map<std::uint32_t, store::PartitionReader> partitions_;
  std::size_t asked_ = 0;                    ///< documents that the extractor holds
  std::vector<Answer> replayed_;             ///< ready for the next poll
  std::vector<extract::Extraction> judged_;  ///< answers of the journal under other rules; not in it yet
};

}  // namespace equal::job
