#include "equal/encode/distil.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/eigen.hpp"
#include "equal/linalg/gemm.hpp"

#include "lsa_sample.hpp"

namespace equal::encode {
namespace {

constexpr std::size_t kBlock =
    4096;  // tokens encoded in one call, and rows in one product: fixed, since bits depend on it

/// The text whose vector stands for token `id`; empty for one that gets no row.
std::string token_text(const text::WordPieceModel& model, std::size_t id) {
  const std::string& token = model.vocabulary[id];
  if (token.rfind("[unused", 0) == 0) return {};
  if (std::find(model.special.begin(), model.special.end(), token) != model.special.end()) return {};
  const bool continues = !model.continuing_prefix.empty() && token.rfind(model.continuing_prefix, 0) == 0 &&
                         token.size() > model.continuing_prefix.size();
  return continues ? token.substr(model.continuing_prefix.size()) : token;
}

/// (tokens, teacher.dim()): the teacher's vectors. Local.
linalg::Matrix<double> teach(Encoder& teacher, const std::vector<std::string>& texts, ThreadPool& pool) {
  linalg::Matrix<double> out(texts.size(), teacher.dim());
  for (std::size_t first = 0; first < texts.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, texts.size() - first);
    const auto begin = texts.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<std::string_view> views(begin, begin + static_cast<std::ptrdiff_t>(count));
    linalg::Matrix<float> block(count, teacher.dim());
    teacher.encode(views, Role::document, block.view(), pool);
    std::copy(block.values().begin(), block.values().end(), out.row(first).begin());
  }
  return out;
}

void remove_mean(linalg::Matrix<double>& rows) {
  std::vector<double> mean(rows.columns());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += rows(i, c) / static_cast<double>(rows.rows());
  }
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t c = 0; c < mean.size(); ++c) rows(i, c) -= mean[c];
  }
}

/// (columns, dim): the principal components of `rows`, scaled by whitening.
linalg::Matrix<double> principal_components(const linalg::Matrix<double>& rows, std::size_t dim, double whitening) {
  const std::size_t columns = rows.columns();
  linalg::Matrix<double> covariance(columns, columns);
  for (std::size_t first = 0; first < rows.rows(); first += kBlock) {
    const auto block = rows.view().slice(first, std::min(kBlock, rows.rows() - first));
    linalg::gemm_tn(1.0, block, block, 1.0, covariance.view());
  }
  const linalg::Matrix<double>& fixed = covariance;
  const auto eigen = linalg::eigen_symmetric(fixed.view());
  linalg::Matrix<double> out(columns, dim);
  for (std::size_t k = 0; k < dim; ++k) {
    // Directions without any variance, as in a vocabulary smaller than dim, stay zero.
    if (!(eigen.values[k] > 1e-12 * eigen.values[0])) break;
    const double scale = std::pow(eigen.values[k] / eigen.values[0], -whitening / 2);
    for (std::size_t c = 0; c < columns; ++c) out(c, k) = eigen.vectors(k, c) * scale;
  }
  return out;
}

}  // namespace

StaticTable distil(Encoder& teacher, const text::WordPieceModel& vocabulary, std::span<const double> weights,
                   const DistilParams& params, ThreadPool& pool) {
  const std::size_t tokens = vocabulary.vocabulary.size();
  if (params.dim < 1 || params.dim > 4096) throw UsageError(format("encoder.dim = {}; must be 1 to 4096", params.dim));
  if (!(params.whitening >= 0 && params.whitening <= 2)) {
    throw UsageError(format("encoder.whitening = {}; must be 0 to 2", params.whitening));
  }
  if (!(params.residual >= 0 && params.residual <= 4)) {
    throw UsageError(format("encoder.residual = {}; must be 0 to 4", params.residual));
  }
  if (!weights.empty() && weights.size() != tokens) {
    throw UsageError(format("distil: {} weights for {} tokens", weights.size(), tokens));
  }
  StaticTable t;
  t.tokens = TokenKind::word_pieces;
  t.frequency = params.frequency;
  t.feature_bits = std::max(1U, static_cast<unsigned>(std::bit_width(tokens)));
  t.dim = std::min(params.dim, teacher.dim());
  t.tokenizer = wordpiece_to_text(vocabulary);
  t.origin = format("distilled from {}", teacher.description());

  std::vector<std::string> texts;
  std::vector<double> row_weights;
  for (std::size_t id = 0; id < tokens; ++id) {
    const double weight = weights.empty() ? std::log(1.0 + static_cast<double>(id)) : weights[id];
    if (!(weight >= 0) || !std::isfinite(weight)) throw UsageError(format("distil: weight {} of token {}", weight, id));
    std::string text = token_text(vocabulary, id);
    if (text.empty() || weight == 0) continue;
    t.features.push_back(static_cast<std::uint32_t>(id));
    texts.push_back(std::move(text));
    row_weights.push_back(weight);
  }
  if (texts.empty()) return t;

  linalg::Matrix<double> rows = teach(teacher, texts, pool);
  remove_mean(rows);
  const linalg::Matrix<double> components = principal_components(rows, t.dim, params.whitening);
  linalg::Matrix<double> projected(rows.rows(), t.dim);
  const linalg::Matrix<double>& fixed_rows = rows;
  for (std::size_t first = 0; first < rows.rows(); first += kBlock) {
    const std::size_t count = std::min(kBlock, rows.rows() - first);
    linalg::gemm_nn(1.0, fixed_rows.view().slice(first, count), components.view(), 0.0,
                    projected.view().slice(first, count));
  }
  double squares = 0;
  for (const double x : projected.values()) squares += x * x;
  const double scale = squares > 0 ? std::sqrt(static_cast<double>(projected.rows()) / squares) : 0.0;
  const double sign_length = params.residual / std::sqrt(static_cast<double>(t.dim));
  double largest = 0;
  for (std::size_t i = 0; i < projected.rows(); ++i) {
    RandomStream signs(params.seed, "distil-residual", {0, t.features[i]});
    std::uint64_t bits = 0;
    for (std::size_t c = 0; c < t.dim; ++c) {
      bits = c % 64 == 0 ? signs() : bits >> 1;
      double& x = projected(i, c);
      x = row_weights[i] * (x * scale + ((bits & 1U) != 0 ? -sign_length : sign_length));
      largest = std::max(largest, std::abs(x));
    }
  }
  // As in lsa: the largest value goes to [2^13, 2^14), so that small ones keep their bits in half precision.
  const double unit = largest > 0 ? std::exp2(13 - std::ilogb(largest)) : 1.0;
  t.values.reserve(projected.values().size());
  for (const double x : projected.values()) t.values.push_back(linalg::to_float16(static_cast<float>(x * unit)));
  return t;
}

std::vector<double> corpus_weights(comm::Communicator& comm, TextSource& source, const text::WordPieceModel& vocabulary,
                                   std::uint64_t fit_sample, std::uint64_t seed, ThreadPool& pool) {
  if (fit_sample < 1 || fit_sample > std::uint64_t{1} << 24) {
    throw UsageError(format("encoder.fit_sample = {}; must be 1 to 16777216", fit_sample));
  }
  const text::WordPiece tokenizer(vocabulary);
  const FeatureSource tokens = [&](std::string_view text, std::vector<std::uint64_t>& features) {
    std::vector<text::TokenId> ids;
    tokenizer.append_ids(text, ids);
    features.insert(features.end(), ids.begin(), ids.end());
  };
  const SparseRows rows = read_sample(comm, source, tokens, fit_sample, seed, pool);
  const std::uint64_t documents = comm::sum_one(comm, std::uint64_t{rows.rows()});
  std::vector<double> out;
  for (const std::uint64_t df : document_frequencies(comm, rows, vocabulary.vocabulary.size())) {
    out.push_back(inverse_frequency(df, documents));
  }
  return out;
}

std::string wordpiece_to_text(const text::WordPieceModel& model) {
  Json json;
  json["unknown"] = model.unknown;
  json["classify"] = model.classify;
  json["separate"] = model.separate;
  json["continuing_prefix"] = model.continuing_prefix;
  json["max_characters_per_word"] = model.max_characters_per_word;
  json["clean_text"] = model.normalizing.clean_text;
  json["split_chinese_characters"] = model.normalizing.split_chinese_characters;
  json["strip_accents"] = model.normalizing.strip_accents;
  json["lowercase"] = model.normalizing.lowercase;
  json["special"] = model.special;
  json["vocabulary"] = model.vocabulary;
  return dump_json(json);
}

text::WordPieceModel wordpiece_from_text(std::string_view text) {
  const Json json = parse_json(text, "the tokenizer of an encoder table");
  text::WordPieceModel model;
  try {
    json.at("unknown").get_to(model.unknown);
    json.at("classify").get_to(model.classify);
    json.at("separate").get_to(model.separate);
    json.at("continuing_prefix").get_to(model.continuing_prefix);
    json.at("max_characters_per_word").get_to(model.max_characters_per_word);
    json.at("clean_text").get_to(model.normalizing.clean_text);
    json.at("split_chinese_characters").get_to(model.normalizing.split_chinese_characters);
    json.at("strip_accents").get_to(model.normalizing.strip_accents);
    json.at("lowercase").get_to(model.normalizing.lowercase);
    json.at("special").get_to(model.special);
    json.at("vocabulary").get_to(model.vocabulary);
  } catch (const Json::exception& error) {
    throw DataError(std::string("the tokenizer of an encoder table: ") + error.what() + "; make the encoder again");
  }
  return model;
}

}  // namespace equal::encode
