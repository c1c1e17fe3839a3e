#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/text/words.hpp"

#include "lsa_directions.hpp"
#include "lsa_rows.hpp"
#include "lsa_sample.hpp"

namespace equal::encode {
namespace {

constexpr std::uint64_t kMaxSample = std::uint64_t{1} << 24;

void check(const LsaParams& p) {
  const auto refuse = [](const char* name, auto value, const char* range) {
    throw UsageError(format("encoder.{} = {}; must be {}", name, value, range));
  };
  if (p.dim < 1 || p.dim > 2048) refuse("dim", p.dim, "1 to 2048");
  if (p.feature_bits < 8 || p.feature_bits > 20) refuse("feature_bits", p.feature_bits, "8 to 20");
  if (p.fit_sample < 1 || p.fit_sample > kMaxSample) refuse("fit_sample", p.fit_sample, "1 to 16777216");
  if (p.oversample > 1024) refuse("oversample", p.oversample, "0 to 1024");
  if (p.power_iterations > 16) refuse("power_iterations", p.power_iterations, "0 to 16");
  if (!(p.whitening >= 0 && p.whitening <= 2)) refuse("whitening", p.whitening, "0 to 2");
  if (!(p.residual >= 0 && p.residual <= 4)) refuse("residual", p.residual, "0 to 4");
}

struct Features {
  std::vector<std::uint32_t> kept;  // ascending hashed features
  std::vector<double> idf;          // of each
};

/// Inverse document frequencies over the sample of all ranks. Collective.
Features choose_features(comm::Communicator& comm, const SparseRows& rows, std::uint64_t documents,
                         const LsaParams& params) {
  const auto frequency = document_frequencies(comm, rows, std::size_t{1} << params.feature_bits);
  Features out;
  for (std::size_t f = 0; f < frequency.size(); ++f) {
    if (frequency[f] == 0 || frequency[f] < params.min_documents) continue;
    out.kept.push_back(static_cast<std::uint32_t>(f));
    out.idf.push_back(inverse_frequency(frequency[f], documents));
  }
  return out;
}

/// Counts become weights in rows of unit length; features become positions in `features.kept`.
/// Local.
void weigh(SparseRows& rows, const Features& features, const LsaParams& params) {
  constexpr std::uint32_t kDropped = 0xffffffffU;
  std::vector<std::uint32_t> position(std::size_t{1} << params.feature_bits, kDropped);
  for (std::size_t j = 0; j < features.kept.size(); ++j) position[features.kept[j]] = static_cast<std::uint32_t>(j);
  std::size_t to = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const std::size_t begin = to;
    double norm2 = 0;
    for (std::size_t from = rows.start[i]; from < rows.start[i + 1]; ++from) {
      const auto [feature, count] = rows.entries[from];
      if (position[feature] == kDropped) continue;
      const double weight =
          frequency_weight(params.frequency, static_cast<double>(count)) * features.idf[position[feature]];
      norm2 += weight * weight;
      rows.entries[to++] = {position[feature], static_cast<float>(weight)};
    }
    rows.start[i] = begin;
    const auto scale = static_cast<float>(norm2 > 0 ? 1.0 / std::sqrt(norm2) : 0.0);
    for (std::size_t k = begin; k < to; ++k) rows.entries[k].weight *= scale;
  }
  rows.start.back() = to;
  rows.entries.resize(to);
  rows.entries.shrink_to_fit();
}

}  // namespace

LsaModel fit_lsa(comm::Communicator& comm, TextSource& source, const LsaParams& params, ThreadPool& pool) {
  check(params);
  const unsigned shift = 64 - params.feature_bits;
  const FeatureSource words = [shift](std::string_view text, std::vector<std::uint64_t>& features) {
    text::append_word_hashes(text, features);
    for (std::uint64_t& f : features) f >>= shift;
  };
  SparseRows rows = read_sample(comm, source, words, params.fit_sample, params.seed, pool);
  LsaModel model;
  model.documents = comm::sum_one(comm, std::uint64_t{rows.rows()});
  const Features features = choose_features(comm, rows, model.documents, params);
  weigh(rows, features, params);

  LsaDirections directions(comm, pool, features.kept, rows, params.dim + params.oversample, params.seed);
  std::vector<double> squares;  // of the singular values, over the number of documents
  for (std::size_t i = 0; i <= params.power_iterations; ++i) {
    squares = directions.iterate(model.documents);
  }
  squares.resize(params.dim);
  for (const double s : squares) model.singular_values.push_back(std::sqrt(s * static_cast<double>(model.documents)));

  StaticTable& t = model.table;
  t.tokens = TokenKind::hashed_words;
  t.frequency = params.frequency;
  t.feature_bits = params.feature_bits;
  t.dim = params.dim;
  t.features = features.kept;
  t.origin = format("lsa of {} documents, {} words, whitening {}, residual {}", model.documents, features.kept.size(),
                    params.whitening, params.residual);
  t.values = directions.table(features.idf, squares, params.whitening, params.residual);
  return model;
}

}  // namespace equal::encode
