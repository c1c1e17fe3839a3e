#include "encoders.hpp"

#include <algorithm>
#include <functional>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/bert.hpp"
#include "equal/encode/distil.hpp"
#include "equal/encode/http.hpp"
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

/// Collective. The table in the workspace; where there is none, what `fit` gives on the root is saved first.
std::unique_ptr<encode::Encoder> table_encoder(Job& job, const std::function<encode::StaticTable()>& fit) {
  bool there = false;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root()) there = std::filesystem::exists(job.workspace.encoder() / "table.bin");
  });
  if (!comm::broadcast(job.comm, there)) {
    const encode::StaticTable table = fit();
    comm::agree(job.comm, [&] {
      if (job.comm.is_root()) encode::save_static_table(table, job.workspace.encoder());
    });
  }
  std::unique_ptr<encode::Encoder> encoder;
  comm::agree(job.comm,
              [&] { encoder = encode::make_static_table(encode::load_static_table(job.workspace.encoder())); });
  return encoder;
}

std::unique_ptr<OwnedTexts> texts_to_fit(Job& job, const Catalog& catalog, std::string_view what) {
  if (job.comm.is_root())
    log::info("embed: {} on up to {} documents", what,
              human_count(static_cast<double>(std::min(job.settings.encoder_fit_sample, catalog.documents()))));
  std::unique_ptr<OwnedTexts> texts;
  comm::agree(job.comm, [&] { texts = std::make_unique<OwnedTexts>(job, catalog); });
  return texts;
}

/// Collective.
encode::StaticTable fit_lsa(Job& job, const Catalog& catalog) {
  encode::LsaParams params;
  params.dim = job.settings.encoder_dim;
  params.feature_bits = static_cast<unsigned>(job.settings.encoder_feature_bits);
  params.fit_sample = job.settings.encoder_fit_sample;
  params.seed = job.settings.seed;
  const auto texts = texts_to_fit(job, catalog, "fitting the lsa table");
  return encode::fit_lsa(job.comm, *texts, params, job.pool).table;
}

void require_model(const settings::Settings& s, std::string_view what) {
  if (!s.encoder_model.empty()) return;
  throw UsageError(
      format("{} needs --encoder.model: the folder with config.json, model.safetensors and vocab.txt or tokenizer.json",
             what));
}

/// Collective: the words are weighted over all ranks; the root asks the model, and it alone holds the table.
encode::StaticTable fit_distil(Job& job, const Catalog& catalog) {
  const auto& s = job.settings;
  text::WordPieceModel vocabulary;
  comm::agree(job.comm, [&] {
    require_model(s, "encoder.table = distil");
    vocabulary = text::load_wordpiece(s.encoder_model);
  });
  const auto texts = texts_to_fit(job, catalog, "weighting the words of the distil table");
  const auto weights = encode::corpus_weights(job.comm, *texts, vocabulary, s.encoder_fit_sample, s.seed, job.pool);
  encode::StaticTable table;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    encode::BertParams exact;
    exact.precision = encode::BertPrecision::f32;
    const auto teacher = encode::load_bert(s.encoder_model, exact);
    encode::DistilParams params;
    params.dim = std::min<std::size_t>(s.encoder_dim, teacher->dim());
    params.seed = s.seed;
    log::info("embed: asking {} for its {} words", s.encoder_model,
              human_count(static_cast<double>(vocabulary.vocabulary.size())));
    table = encode::distil(*teacher, vocabulary, weights, params, job.pool);
  });
  return table;
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
    require_model(s, "encoder.kind = bert");
    encoder = encode::load_bert(s.encoder_model, params);
  });
  return encoder;
}

/// Collective: each rank asks the servers by itself.
std::unique_ptr<encode::Encoder> http_encoder(Job& job) {
  const auto& s = job.settings;
  encode::HttpParams params;
  params.model = s.encoder_model;
  params.batch = s.encoder_batch;
  params.max_bytes = 4 * s.encoder_max_tokens;
  params.document_prefix = s.encoder_document_prefix;
  params.query_prefix = s.encoder_query_prefix;
  std::unique_ptr<encode::Encoder> encoder;
  comm::agree(job.comm, [&] {
    if (s.encoder_endpoints.empty() && s.encoder_endpoints_file.empty())
      throw UsageError(
          "encoder.kind = http needs --encoder.endpoints http://HOST:PORT/v1, or --encoder.endpoints_file with one "
          "such "
          "line a server");
    for (const auto& url : s.encoder_endpoints) {
      net::EndpointSpec endpoint = net::parse_endpoint(url, "encoder.endpoints");
      endpoint.slots = s.encoder_slots;
      endpoint.key_env = s.encoder_key_env;
      endpoint.key_file = s.encoder_key_file;
      params.net.endpoints.push_back(std::move(endpoint));
    }
    params.net.endpoints_file = s.encoder_endpoints_file;
    params.net.http.allow_plain_http = s.encoder_allow_plain_http;
    params.net.http.max_body_bytes = std::size_t{256} << 20;
    params.net.expected_slots = s.encoder_slots;
    encoder = encode::make_http(std::move(params));
  });
  return encoder;
}

}  // namespace

std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog& catalog) {
  const auto& s = job.settings;
  if (s.encoder == "bert") return bert_encoder(job);
  if (s.encoder == "http") return http_encoder(job);
  if (s.encoder_table == "lsa") return table_encoder(job, [&] { return fit_lsa(job, catalog); });
  if (s.encoder_table == "distil") return table_encoder(job, [&] { return fit_distil(job, catalog); });
  encode::StaticParams params;
  params.dim = s.encoder_dim;
  params.seed = s.seed;
  return encode::make_static_hash(params);
}

}  // namespace equal::job
