#include "worker.hpp"

#include <algorithm>
#include <cmath>

#include "equal/bandit/shared_documents.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/float16.hpp"
#include "equal/store/assignment.hpp"

namespace equal::job {
namespace {

constexpr std::size_t kRowsAtOnce = 4096;
constexpr double kBytesPerToken = 4.0;  // of English text, for an estimate before anything is asked

}  // namespace

OwnedDocuments::OwnedDocuments(Job& job, const Catalog& catalog, const bandit::GuideSimilarity& similarity,
                               std::uint32_t clusters) {
  bandit::PoolRows rows;
  rows.dimension = similarity.dimension();
  const auto owned = catalog.owned_by(job.comm.worker_index().value(), job.comm.workers());
  std::size_t documents = 0;
  for (const PartitionId id : owned) documents += catalog.partitions[id.value].documents;
  rows.number.reserve(documents), rows.hash.reserve(documents);
  rows.arm.reserve(documents), rows.tokens.reserve(documents);
  for (const PartitionId id : owned) {
    const PartitionInfo& info = catalog.partitions[id.value];
    if (info.documents == 0) continue;
    Part part{rows.number.size(), store::EmbeddingsReader(store::partition_file(job.workspace.by_cluster(), id.value))};
    const store::Assignment assignment =
        store::read_assignment(store::partition_file(job.workspace.assignment(), id.value)).assignment;
    if (assignment.clusters() != clusters || assignment.order.size() != info.documents ||
        part.embeddings.count() != info.documents) {
      throw DataError(format("{}: does not fit {}; run with --redo cluster", part.embeddings.path().string(),
                             job.workspace.clusters().string()));
    }
    const store::PartitionReader partition(store::partition_file(job.workspace.corpus(), id.value));
    const auto digests = partition.digests();
    for (const std::uint32_t index : assignment.order) {
      rows.number.push_back(info.first_document + index);
      rows.hash.push_back(keyed_hash(job.settings.seed, "draw", digests[index]));
      rows.arm.push_back(assignment.cluster[index]);
      rows.tokens.push_back(static_cast<float>(static_cast<double>(partition.text_size(index)) / kBytesPerToken));
    }
    parts_.push_back(std::move(part));
  }
  rows.similarity.resize(rows.number.size());
  const std::size_t blocks = (rows.number.size() + kRowsAtOnce - 1) / kRowsAtOnce;
  job.pool.run(blocks, [&](std::size_t b, std::size_t) {
    const std::size_t first = b * kRowsAtOnce, n = std::min(kRowsAtOnce, rows.number.size() - first);
    linalg::Matrix<float> block(n, rows.dimension);
    read_rows(first, block.view());
    similarity.compute(std::as_const(block).view(), std::span(rows.similarity).subspan(first, n));
  });
  for (const float s : rows.similarity) {
    sums_[0] += std::llround(double{s} * kSimilarityScale);
    sums_[1] += std::llround(double{s} * double{s} * kSimilarityScale);
  }
  for (const float t : rows.tokens) sums_[2] += std::llround(double{t} * kTokenScale);
  rows.read = [this](std::size_t first, linalg::MatrixView<float> out) { read_rows(first, out); };
  pool_ = std::make_unique<bandit::DocumentPool>(std::move(rows), clusters);
}

void OwnedDocuments::read_rows(std::size_t first, linalg::MatrixView<float> out) const {
  std::vector<linalg::float16> halves;
  for (std::size_t done = 0; done < out.rows;) {
    const auto part = std::prev(std::upper_bound(parts_.begin(), parts_.end(), first + done,
                                                 [](std::size_t row, const Part& p) { return row < p.first; }));
    const std::size_t row = first + done - part->first;
    const std::size_t n = std::min(out.rows - done, static_cast<std::size_t>(part->embeddings.count()) - row);
    halves.resize(n * out.columns);
    part->embeddings.read(row, halves);
    for (std::size_t i = 0; i < n; ++i)
      linalg::to_float32(std::span<const linalg::float16>(halves).subspan(i * out.columns, out.columns),
                         out.row(done + i));
    done += n;
  }
}

ExtractionWorker::ExtractionWorker(Job& job, const Catalog& catalog, OwnedDocuments* documents,
                                   extract::Extractor& extractor, encode::Encoder* encoder, std::uint32_t generation)
    : job_(job),
      catalog_(catalog),
      documents_(documents),
      extractor_(extractor),
      encoder_(encoder),
      extractor_digest_(extractor.digest()),
      question_digest_(extractor.question_digest()),
      journal_(job.workspace.journal(), job.comm.rank(), generation) {}

std::size_t ExtractionWorker::slots() const { return extractor_.slots(); }

const store::PartitionReader& ExtractionWorker::partition(const PartitionInfo& info) {
  const auto found = partitions_.find(info.id.value);
  if (found != partitions_.end()) return found->second;
  return partitions_
      .emplace(info.id.value, store::PartitionReader(store::partition_file(job_.workspace.corpus(), info.id.value)))
      .first->second;
}

void ExtractionWorker::submit(std::uint64_t task, std::string_view bytes) {
  const PartitionInfo& info = catalog_.partition_of(task);
  const store::PartitionReader& reader = partition(info);
  const std::uint64_t index = task - info.first_document;
  if (!bytes.empty()) {
    const std::string where = format("journal record of document {}", task);
    JournalAnswer recorded = journal_answer_from_json(parse_json(bytes, where), where);
    if (recorded.digest != reader.digest(index)) {
      throw DataError(
          format("{}: the journal's answer to document {} ('{}') belongs to another document of this corpus; move the "
                 "journal away, or use the corpus that it was made with",
                 job_.workspace.journal().string(), task, recorded.id));
    }
    if (recorded.extractor == extractor_digest_) {
      replayed_.push_back(summarise(recorded.extraction, true));
    } else {
      extract::Extraction judged =
          extractor_.judge({task, reader.id(index), reader.text(index), {}}, std::move(recorded.extraction.written));
      judged.usage = recorded.extraction.usage;
      judged.written.clear();  // stand in the record that was judged
      judged_.push_back(std::move(judged));
    }
    return;
  }
  extract::Request request{task, reader.id(index), reader.text(index), {}};
  for (auto& pair : reader.pairs(index))
    request.known_pairs.push_back({std::move(pair.question), std::move(pair.answer)});
  extractor_.submit(std::move(request));
  ++asked_;
}

std::vector<comm::TaskResult> ExtractionWorker::poll(double wait_seconds) {
  std::vector<comm::TaskResult> out;
  const auto report = [&](const Answer& a) { out.push_back({a.document, job_.comm.rank(), to_bytes(a)}); };
  for (const Answer& a : replayed_) report(a);
  replayed_.clear();
  const auto judged = std::exchange(judged_, {});
  std::vector<extract::Extraction> extractions;
  if (asked_ > 0) extractions = extractor_.poll(out.empty() && judged.empty() ? wait_seconds : 0.0);
  asked_ -= extractions.size();
  for (const auto& e : judged) record(e);
  for (const auto& e : extractions) {
    if (e.failure.empty()) record(e);  // failures are never cached: the next run may ask again
  }
  journal_.sync();  // before rank 0 hears of any of them
  for (const auto& e : judged) report(summarise(e, true));
  for (const auto& e : extractions) report(summarise(e, false));
  return out;
}

void ExtractionWorker::record(const extract::Extraction& e) {
  const PartitionInfo& info = catalog_.partition_of(e.document);
  const std::uint64_t index = e.document - info.first_document;
  const auto& reader = partition(info);
  journal_.append(
      dump_json(to_json({e.document, reader.digest(index), reader.id(index), extractor_digest_, question_digest_, e},
                        job_.settings.keep_rejects)));
}

Answer ExtractionWorker::summarise(const extract::Extraction& e, bool replayed) {
  Answer a;
  a.document = e.document;
  a.answered = e.failure.empty();
  a.replayed = replayed;
  a.failure = e.failure;
  a.usage = e.usage;
  for (const auto& r : e.rejected) ++a.rejected[r.reason];
  std::vector<std::string> texts;
  for (const auto& p : e.pairs) {
    texts.push_back(pair_text(p));
    a.duplicates.push_back(duplicate_digest(p));
  }
  if (encoder_ == nullptr) return a;
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  a.vectors = linalg::Matrix<float>(texts.size(), encoder_->dim());
  // The pairs of one document are one call, so their bits do not depend on who else was answered.
  if (!texts.empty()) encoder_->encode(views, encode::Role::query, a.vectors.view(), job_.pool);
  for (float& x : a.vectors.values()) x = linalg::to_float32(linalg::to_float16(x));
  return a;
}

std::string ExtractionWorker::answer(std::string_view question) {
  if (documents_ == nullptr) throw InternalError("a worker of the warm-up was asked about its documents");
  return bandit::answer(documents_->pool(), question);
}

}  // namespace equal::job
