// encoder.kind = static: one vector a word. The tables lsa and distil are fitted on the corpus.
#include <algorithm>
#include <functional>

#include "equal/base/log.hpp"
#include "equal/encode/bert.hpp"
#include "equal/encode/distil.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/encode/static.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/store/partition.hpp"

#include "encoders.hpp"

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

encode::BertParams exact_bert() {
  encode::BertParams params;
  params.precision = encode::BertPrecision::f32;
  return params;
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
    const auto teacher = encode::load_bert(s.encoder_model, exact_bert());
    encode::DistilParams params;
    params.dim = std::min<std::size_t>(s.encoder_dim, teacher->dim());
    params.seed = s.seed;
    log::info("embed: asking {} for its {} words", s.encoder_model,
              human_count(static_cast<double>(vocabulary.vocabulary.size())));
    table = encode::distil(*teacher, vocabulary, weights, params, job.pool);
  });
  return table;
}

}  // namespace

void check_static_encoder(const settings::Settings& s) {
  if (s.encoder_table == "hash") return;
  const auto folder = Workspace(s.workspace).encoder();
  const bool fits_again = s.redo == "ingest" || s.redo == "embed" || !std::filesystem::exists(folder / "table.bin");
  if (!fits_again) return encode::check_static_table(folder);
  if (s.encoder_table != "distil") return;
  require_model(s, "encoder.table = distil");
  encode::check_bert(s.encoder_model, exact_bert());
}

std::unique_ptr<encode::Encoder> make_static_encoder(Job& job, const Catalog& catalog) {
  const auto& s = job.settings;
  // A trained table lies in its own generation, one behind a projection in that of the stock encoder.
  const bool trained = std::filesystem::exists(job.workspace.encoder() / "table.bin");
  Job from{job.comm, s, trained ? job.workspace : job.workspace.in_generation(0), job.pool};
  if (s.encoder_table == "lsa") return table_encoder(from, [&] { return fit_lsa(job, catalog); });
  if (s.encoder_table == "distil") return table_encoder(from, [&] { return fit_distil(job, catalog); });
  encode::StaticParams params;
  params.dim = s.encoder_dim;
  params.seed = s.seed;
  return encode::make_static_hash(params);
}

}  // namespace equal::job
