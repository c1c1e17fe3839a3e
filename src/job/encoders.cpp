#include "encoders.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/bert.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/encode/static.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/store/partition.hpp"

namespace equal::job {
namespace {

constexpr std::uint64_t kFitBlock = 2048;  // documents that are read together

/// The texts of this rank's partitions.
class OwnedTexts final : public encode::TextSource {
 public:
  OwnedTexts(const Job& job, const Catalog& catalog) {
    const auto worker = job.comm.worker_index();
    if (!worker) return;
    for (const PartitionId p : catalog.owned_by(*worker, job.comm.workers())) {
      partitions_.emplace_back(store::partition_file(job.workspace.corpus(), p.value));
      for (std::uint64_t first = 0; first < partitions_.back().count(); first += kFitBlock)
        blocks_.push_back({partitions_.size() - 1, first});
    }
  }
  std::size_t blocks() const override { return blocks_.size(); }
  std::vector<Digest128> digests(std::size_t block) override {
    const auto& [partition, first] = blocks_[block];
    if (partition != digests_of_) digests_ = partitions_[partition].digests(), digests_of_ = partition;
    const auto begin = digests_.begin() + static_cast<std::ptrdiff_t>(first);
    return {begin, begin + static_cast<std::ptrdiff_t>(size_of(block))};
  }
  std::vector<std::string_view> texts(std::size_t block) override {
    partitions_[blocks_[block].partition].read_texts(blocks_[block].first, size_of(block), ~std::uint64_t{0}, buffer_);
    return buffer_.texts;
  }

 private:
  struct Block {
    std::size_t partition;
    std::uint64_t first;
  };
  std::uint64_t size_of(std::size_t block) const {
    return std::min(kFitBlock, partitions_[blocks_[block].partition].count() - blocks_[block].first);
  }
  std::vector<store::PartitionReader> partitions_;
  std::vector<Block> blocks_;
  std::vector<Digest128> digests_;
  std::size_t digests_of_ = ~std::size_t{0};
  store::TextBlock buffer_;
};

/// Collective. The table in the workspace, fitted and saved first where there is none.
std::unique_ptr<encode::Encoder> lsa_encoder(Job& job, const Catalog& catalog) {
  bool there = false;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root()) there = std::filesystem::exists(job.workspace.encoder() / "table.bin");
  });
  if (!comm::broadcast(job.comm, there)) {
    encode::LsaParams params;
    params.dim = job.settings.encoder_dim;
    params.feature_bits = static_cast<unsigned>(job.settings.encoder_feature_bits);
    params.fit_sample = job.settings.encoder_fit_sample;
    params.seed = job.settings.seed;
    if (job.comm.is_root())
      log::info("embed: fitting the lsa table on up to {} documents",
                human_count(static_cast<double>(std::min(params.fit_sample, catalog.documents()))));
    std::unique_ptr<OwnedTexts> texts;
    comm::agree(job.comm, [&] { texts = std::make_unique<OwnedTexts>(job, catalog); });
    const encode::LsaModel model = encode::fit_lsa(job.comm, *texts, params, job.pool);
    comm::agree(job.comm, [&] {
      if (job.comm.is_root()) encode::save_static_table(model.table, job.workspace.encoder());
    });
  }
  std::unique_ptr<encode::Encoder> encoder;
  comm::agree(job.comm,
              [&] { encoder = encode::make_static_table(encode::load_static_table(job.workspace.encoder())); });
  return encoder;
}

/// Collective: each rank reads the folder.
std::unique_ptr<encode::Encoder> bert_encoder(Job& job) {
  const auto& s = job.settings;
  encode::BertParams params;
  params.pooling = s.encoder_pooling == "mean"  ? encode::Pooling::mean
                   : s.encoder_pooling == "cls" ? encode::Pooling::cls
                                                : encode::Pooling::automatic;
  params.long_documents =
      s.encoder_long_documents == "windows" ? encode::LongDocuments::windows : encode::LongDocuments::truncate;
  params.precision = s.encoder_precision == "f32"    ? encode::BertPrecision::f32
                     : s.encoder_precision == "bf16" ? encode::BertPrecision::bf16
                     : s.encoder_precision == "int8" ? encode::BertPrecision::int8
                                                     : encode::BertPrecision::automatic;
  params.max_tokens = s.encoder_max_tokens;
  if (!s.encoder_document_prefix.empty()) params.document_prefix = s.encoder_document_prefix;
  if (!s.encoder_query_prefix.empty()) params.query_prefix = s.encoder_query_prefix;
  std::unique_ptr<encode::Encoder> encoder;
  comm::agree(job.comm, [&] {
    if (s.encoder_model.empty())
      throw UsageError(
          "encoder.kind = bert needs --encoder.model: the folder with config.json, model.safetensors and vocab.txt or "
          "tokenizer.json");
    encoder = encode::load_bert(s.encoder_model, params);
  });
  return encoder;
}

}  // namespace

std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog& catalog) {
  const auto& s = job.settings;
  if (s.encoder == "static" && s.encoder_table == "lsa") return lsa_encoder(job, catalog);
  if (s.encoder == "static" && s.encoder_table == "hash") {
    encode::StaticParams params;
    params.dim = s.encoder_dim;
    params.seed = s.seed;
    return encode::make_static_hash(params);
  }
  if (s.encoder == "bert") return bert_encoder(job);
  throw UsageError("encoder.kind = " + s.encoder + ", encoder.table = " + s.encoder_table + ": not available");
}

}  // namespace equal::job
